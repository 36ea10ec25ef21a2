/**
 * Design token of the elements.
 * @typedef {object} Token
 * @property {string} name  Custom property.
 * @property {string} label
 * @property {'color' | 'length' | 'font'} kind
 */

/** Design tokens, as docs/EMBEDDING.md lists them. @type {Token[]} */
export const TOKENS = [
  { name: '--lonceng-accent', label: 'Accent', kind: 'color' },
  { name: '--lonceng-urgent', label: 'Urgent', kind: 'color' },
  { name: '--lonceng-surface', label: 'Surface', kind: 'color' },
  { name: '--lonceng-raised', label: 'Raised', kind: 'color' },
  { name: '--lonceng-text', label: 'Text', kind: 'color' },
  { name: '--lonceng-muted', label: 'Muted text', kind: 'color' },
  { name: '--lonceng-line', label: 'Lines', kind: 'color' },
  { name: '--lonceng-bell-color', label: 'Bell', kind: 'color' },
  { name: '--lonceng-radius', label: 'Corners', kind: 'length' },
  { name: '--lonceng-font', label: 'Font', kind: 'font' },
];

/** Fonts that systems have, by the name in the list. @type {Record<string, string>} */
export const FONTS = {
  System: 'system-ui, sans-serif',
  Serif: "Georgia, 'Times New Roman', serif",
  Rounded: "ui-rounded, 'Nunito', 'Varela Round', sans-serif",
  Monospace: 'ui-monospace, Menlo, monospace',
};

/**
 * Beginnings, by theme.
 * @type {Record<string, Record<'light' | 'dark', Record<string, string>>>}
 */
export const PRESETS = {
  Ocean: {
    light: {
      '--lonceng-accent': '#0b6b8a',
      '--lonceng-surface': '#f7fcfe',
      '--lonceng-raised': '#e6f3f8',
      '--lonceng-text': '#0d2b36',
      '--lonceng-muted': '#3f5f6b',
      '--lonceng-line': '#cfe4ec',
      '--lonceng-radius': '20px',
    },
    dark: {
      '--lonceng-accent': '#7fd3ee',
      '--lonceng-surface': '#0d2129',
      '--lonceng-raised': '#15323d',
      '--lonceng-text': '#e8f6fb',
      '--lonceng-muted': '#a3c3cf',
      '--lonceng-line': '#244855',
      '--lonceng-radius': '20px',
    },
  },
  Clay: {
    light: {
      '--lonceng-accent': '#9a3d16',
      '--lonceng-surface': '#fffaf5',
      '--lonceng-raised': '#f8ece0',
      '--lonceng-text': '#33200f',
      '--lonceng-muted': '#6b5138',
      '--lonceng-line': '#ecdac6',
      '--lonceng-radius': '6px',
      '--lonceng-font': FONTS.Serif,
    },
    dark: {
      '--lonceng-accent': '#f3a67f',
      '--lonceng-surface': '#241a13',
      '--lonceng-raised': '#33261c',
      '--lonceng-text': '#fbf1e8',
      '--lonceng-muted': '#cfb8a3',
      '--lonceng-line': '#4a392b',
      '--lonceng-radius': '6px',
      '--lonceng-font': FONTS.Serif,
    },
  },
  Square: {
    light: { '--lonceng-accent': '#111111', '--lonceng-radius': '0px' },
    dark: { '--lonceng-accent': '#ffffff', '--lonceng-radius': '0px' },
  },
};

/**
 * Returns the relative luminance of a colour in `#rrggbb`.
 * @param {string} color
 */
function luminance(color) {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const part = parseInt(color.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/**
 * Returns the contrast of two colours as WCAG defines it.
 * @param {string} one
 * @param {string} other
 */
export function contrast(one, other) {
  const [low, high] = [luminance(one), luminance(other)].sort((left, right) => left - right);
  return (high + 0.05) / (low + 0.05);
}

/**
 * Returns the CSS of tokens.
 * @param {Record<'light' | 'dark', Record<string, string>>} sets
 */
export function cssOf({ light, dark }) {
  const lines = (/** @type {Record<string, string>} */ set, /** @type {string} */ margin) =>
    Object.entries(set)
      .map(([name, value]) => `${margin}  ${name}: ${value};\n`)
      .join('');
  const parts = [];
  if (Object.keys(light).length) parts.push(`:root {\n${lines(light, '')}}`);
  if (Object.keys(dark).length)
    parts.push(`@media (prefers-color-scheme: dark) {\n  :root {\n${lines(dark, '  ')}  }\n}`);
  return parts.join('\n');
}
