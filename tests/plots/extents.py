"""What a figure shows and where: words that must not touch each other, lone markers."""

from itertools import combinations


def check_words(figure):
    """No two words overlap, and none leaves the figure."""
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    words = [(text.get_text(), text.get_window_extent(renderer)) for text in words_of(figure)]
    assert words
    for word, box in words:
        assert min(box.x0, box.y0) >= -1, word
        assert box.x1 <= figure.bbox.x1 + 1, word
        assert box.y1 <= figure.bbox.y1 + 1, word
    for (one, first), (two, second) in combinations(words, 2):
        assert not first.padded(-0.5).overlaps(second.padded(-0.5)), (one, two)


def words_of(figure):
    """Texts that are drawn: labels of ticks outside the limits are not."""
    texts = [text for legend in figure.legends for text in legend.get_texts()]
    texts += [figure._supxlabel] if figure._supxlabel else []
    for axes in figure.axes:
        texts += [*axes.texts, axes.title]
        for axis in (axes.xaxis, axes.yaxis):
            texts += [axis.label, *_tick_labels(axis)]
    return [text for text in texts if text.get_visible() and text.get_text().strip()]


def _tick_labels(axis):
    low, high = sorted(axis.get_view_interval())
    for tick in axis.get_major_ticks():
        if low <= tick.get_loc() <= high:
            yield from (label for label in (tick.label1, tick.label2) if label.get_visible())


def markers(axes):
    """Place and look of each lone marker, by row."""
    alone = [line for line in axes.lines if line.get_linestyle() == "None"]
    return {
        round(float(line.get_ydata()[0])): (list(line.get_xdata()), line.get_color())
        for line in alone
    }


def words(axes):
    return [text.get_text() for text in axes.texts]
