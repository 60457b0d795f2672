"""What browser tests ask of a page, in the browser's own words."""

from collections.abc import Callable

from playwright.sync_api import Page

Open = Callable[..., Page]
"""Opens a page in a context with the given options; signed in, unless ``key`` is None."""

PHONE = {"viewport": {"width": 320, "height": 640}, "is_mobile": True, "has_touch": True}

CONTRAST = """() => {
  const channels = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b]
    .map((c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const colour = channels(getComputedStyle(each).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility() || element.closest(".unseen, option, script")) continue;
    const [a, b] = [light(channels(getComputedStyle(element).color)), light(ground(element))].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < 4.5) found.push(`${element.tagName} ${element.className}: ${contrast.toFixed(2)}`);
  }
  return found;
}"""
"""Texts that stand out too little from their ground (WCAG 2.2, 1.4.3)."""

NAMELESS = """() => [...document.querySelectorAll("input:not([type=hidden]), select, textarea")]
  .filter((element) => !element.labels.length).map((element) => element.outerHTML)"""
"""Fields without a label."""

DUPLICATES = """() => [...document.querySelectorAll("[id]")].map((element) => element.id)
  .filter((id, index, all) => all.indexOf(id) !== index)"""
"""Ids that more than one element has."""

FOCUS = """() => {
  const element = document.activeElement, style = getComputedStyle(element);
  const line = style.outlineStyle, width = parseFloat(style.outlineWidth);
  return {id: element.id, text: element.textContent.trim(), line, width};
}"""
"""Which element has the focus, and what shows that it has."""

HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
  document.dispatchEvent(new Event("visibilitychange"));
}"""
"""Makes the page believe that nobody looks at it, or that somebody does."""
