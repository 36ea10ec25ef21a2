const SVG = 'http://www.w3.org/2000/svg';

/** Icons as SVG paths on a 24 × 24 grid. */
const PATHS = {
  bell: [
    'M6 9.5a6 6 0 0 1 12 0c0 5 2 6.5 2 6.5H4s2-1.500 2-6.500',
    'M10 19.500a2.200 2.200 0 0 0 4 0',
  ],
  check: ['M5 12.500l4.500 4.500L19 7.500'],
  dots: ['M6 12h.010', 'M12 12h.010', 'M18 12h.010'],
  gear: ['M4 7h9', 'M17 7h3', 'M4 17h3', 'M11 17h9', 'M15 4.500v5', 'M9 14.500v5'],
  back: ['M14.500 6l-6 6 6 6'],
  search: ['M10.500 5a5.500 5.500 0 1 0 .010 0', 'M14.700 14.700L19.500 19.500'],
  lock: ['M6 11h12v8.500H6z', 'M8.500 11V8a3.500 3.500 0 0 1 7 0v3'],
  cross: ['M6.500 6.500l11 11', 'M17.500 6.500l-11 11'],
};

/**
 * Returns an icon, hidden from screen readers.
 * @param {keyof typeof PATHS} name
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  for (const [key, value] of Object.entries({
    viewBox: '0 0 24 24',
    width: '1.25em',
    height: '1.25em',
    fill: 'none',
    stroke: 'currentColor',
    'stroke-width': '1.8',
    'stroke-linecap': 'round',
    'stroke-linejoin': 'round',
    'aria-hidden': 'true',
  }))
    svg.setAttribute(key, value);
  for (const d of PATHS[name]) {
    const path = document.createElementNS(SVG, 'path');
    path.setAttribute('d', d);
    svg.append(path);
  }
  return svg;
}

/**
 * Returns an element with a class, a part and a text, which is never parsed as HTML.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {string} [name]  Class and part.
 * @param {string} [text]
 * @returns {HTMLElementTagNameMap[T]}
 */
export function element(tag, name, text) {
  const made = document.createElement(tag);
  if (name) {
    made.className = name;
    made.setAttribute('part', name);
  }
  if (text !== undefined) made.textContent = text;
  return made;
}

/**
 * Returns a button that submits no form.
 * @param {string} name
 * @param {string} text
 * @param {() => void} act
 */
export function button(name, text, act) {
  const made = element('button', name, text);
  made.type = 'button';
  made.onclick = act;
  return made;
}
