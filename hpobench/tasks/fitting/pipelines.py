"""Pipelines of many hyperparameters, as one function that makes an estimator."""

from typing import Any


def classifier(
    *,
    model: str,
    scaler: str = "standard",
    quantiles: int = 100,
    selection: str = "all",
    selected: float = 1.0,
    reduction: str = "keep",
    variance: float = 0.95,
    balanced: bool = False,
    **own: Any,
) -> Any:
    """A scaler, a selection and a reduction of the inputs, and one of four models.

    `scaler`: standard, robust, or quantile (with so many `quantiles`). `selection`: all, or anova:
    the share `selected` of the inputs by their F values. `reduction`: keep, or pca: components that
    explain so much `variance`. `own`: hyperparameters of the model, called after it.
    """
    from sklearn import decomposition, feature_selection, pipeline, preprocessing

    scalers = {
        "standard": preprocessing.StandardScaler,
        "robust": preprocessing.RobustScaler,
        "quantile": lambda: preprocessing.QuantileTransformer(n_quantiles=quantiles),
    }
    steps: list[tuple[str, Any]] = [("scaler", scalers[scaler]())]
    if selection == "anova":
        chosen = feature_selection.SelectPercentile(percentile=100 * selected)
        steps.append(("selection", chosen))
    if reduction == "pca":
        steps.append(("reduction", decomposition.PCA(variance, svd_solver="full")))
    return pipeline.Pipeline([*steps, ("model", _model(model, balanced, own))])


def _model(model: str, balanced: bool, own: dict[str, Any]) -> Any:
    from sklearn import ensemble, linear_model, neighbors, svm

    weight = "balanced" if balanced else None
    if model == "logistic":
        return linear_model.LogisticRegression(
            C=own["logistic_c"], class_weight=weight, max_iter=500
        )
    if model == "svm":
        return svm.SVC(C=own["svm_c"], gamma=own["svm_gamma"], class_weight=weight)
    if model == "forest":
        return ensemble.RandomForestClassifier(
            n_estimators=50,
            max_features=own["forest_features"],
            min_samples_leaf=own["forest_leaf"],
            class_weight=weight,
        )
    return neighbors.KNeighborsClassifier(
        own["neighbors"], weights=own["neighbor_weights"], p=own["neighbor_power"]
    )
