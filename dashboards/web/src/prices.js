// A phone keeps the drawn chart; a wide screen gets one that answers the pointer.
const tag = document.querySelector("script[data-desktop]");
if (tag && matchMedia("(min-width: 64rem)").matches) {
  const script = document.createElement("script");
  script.src = tag.dataset.desktop;
  document.head.append(script);
}
