/** Outlines of the icons, in a box of 24 by 24. @type {Record<string, string>} */
const PATHS = {
  overview: 'M4 13h6V4H4zM14 20h6v-9h-6zM14 4v3h6V4zM4 20h6v-3H4z',
  activity: 'M3 12h4l3-8 4 16 3-8h4',
  inbox: 'M4 13l3-8h10l3 8v6H4zM4 13h5l1 2h4l1-2h5',
  explain: 'M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14M16 16l5 5M9 9.5a2 2 0 1 1 2 2v1.5M11 15v.1',
  'dead-letters': 'M3 6h18v12H3zM3 7l9 7 9-7M15 21l6-6M15 15l6 6',
  deliveries: 'M21 3L10 14M21 3l-7 18-4-7-7-4z',
  types: 'M4 5h16M4 12h16M4 19h10',
  send: 'M12 5v14M5 12h14',
  clients: 'M4 5h16v11H4zM9 20h6M12 16v4',
  directory:
    'M9 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8M2 21a7 7 0 0 1 14 0M16 4a4 4 0 0 1 0 7M18 14a7 7 0 0 1 4 7',
  configuration: 'M4 7h9M17 7h3M4 17h3M11 17h9M15 5v4M9 15v4',
  audit: 'M7 3h7l4 4v14H7zM10 12h5M10 16h5',
  menu: 'M4 6h16M4 12h16M4 18h16',
  search: 'M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14M16 16l5 5',
};

/**
 * Returns an icon. It is hidden from screen readers, because a text stands beside it.
 * @param {string} name
 */
export function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  svg.classList.add('icon');
  const path = document.createElementNS(svg.namespaceURI, 'path');
  path.setAttribute('d', PATHS[name]);
  svg.append(path);
  return svg;
}
