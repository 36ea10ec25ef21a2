// Test data for the fields of templates.

/** Words of the language of templates, and names that the hub provides. */
const WORDS = new Set(
  (
    'if elif else endif for endfor in is not and or none true false loop set endset with endwith ' +
    'recipient user actor event'
  ).split(' '),
);

/** Sample values, by the end of a name. @type {Array<[RegExp, unknown]>} */
const SAMPLES = [
  [/(amount|price|total|sum|cost|harga|jumlah)$/i, 100000],
  [/(count|quantity|qty|number|^n)$/i, 3],
  [/^(is|has)_/i, true],
  [/e?mail$/i, 'budi@example.com'],
  [/(url|link)$/i, 'https://example.com/'],
  [/(_at|time|date)$/i, '2026-01-31T09:30:00Z'],
  [/^actors$/, ['Ani', 'Budi']],
  [/(name|author|sender|^by|^who)$/i, 'Budi'],
  [/(^|_)id$/i, '42'],
];

/** @param {string} name */
function value(name) {
  const found = SAMPLES.find(([pattern]) => pattern.test(name));
  return found ? found[1] : name;
}

/**
 * Returns data with a sample value for each field that templates use.
 * @param {...(string | null | undefined)} templates
 * @returns {Record<string, any>}
 */
export function testData(...templates) {
  /** @type {Record<string, any>} */
  const data = {};
  for (const template of templates) if (template) addFields(data, template);
  return data;
}

/**
 * @param {Record<string, any>} data
 * @param {string} template
 */
function addFields(data, template) {
  const source = template.replace(/\{#[^]*?#\}/g, '');
  /** Samples of the lists, by the name of a loop's variable. @type {Map<string, any>} */
  const items = new Map();
  for (const [block] of source.matchAll(/\{%[^]*?%\}|\{[^{}]*\}/g)) {
    const loop = /^\{%-?\s*for\s+(\w+)\s+in\s+([\w.]+)/.exec(block);
    if (loop) {
      const item = {};
      put(data, loop[2].split('.'), [item]);
      items.set(loop[1], item);
      continue;
    }
    const names = block
      .replace(/"[^"]*"|'[^']*'/g, ' ')
      .replace(/\|\s*\w+|\bis\s+(not\s+)?\w+/g, ' ')
      .matchAll(/(?<![\w.])[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*/g);
    for (const [name] of names) {
      const path = name.split('.');
      if (WORDS.has(path[0])) continue;
      const item = items.get(path[0]);
      if (!item) put(data, path, value(path[path.length - 1]));
      else if (path.length > 1) put(item, path.slice(1), value(path[path.length - 1]));
    }
  }
}

/**
 * Sets a value at a path, unless there is one.
 * @param {Record<string, any>} data
 * @param {string[]} path
 * @param {unknown} leaf
 */
function put(data, path, leaf) {
  const [name, ...rest] = path;
  if (!rest.length) data[name] ??= leaf;
  else {
    if (typeof data[name] !== 'object' || data[name] === null) data[name] = {};
    put(data[name], rest, leaf);
  }
}
