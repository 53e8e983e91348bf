"""`hpobench`: an honest and fast comparison of hyperparameter-optimisation methods."""

from hpobench.system import package

package.check()
