/**
 * Scrolls `box`, and nothing around it, until `part` can be seen in it. What
 * the platform does for this scrolls the whole page along where it can.
 */
export function reveal(part: Element, box: Element): void {
  const [inner, outer] = [part.getBoundingClientRect(), box.getBoundingClientRect()];
  if (inner.top < outer.top) box.scrollTop -= outer.top - inner.top;
  else if (inner.bottom > outer.bottom) box.scrollTop += Math.min(inner.bottom - outer.bottom, inner.top - outer.top);
}
