// Tells whoever waits that the page can be used.
document.body.dataset.ready = "yes";
