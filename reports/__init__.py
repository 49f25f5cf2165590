"""One frozen view model and its renderers; they decide nothing."""
