/** @typedef {string | Node | null | undefined | false} Child */

/**
 * Creates an element. Properties that begin with `on` are listeners; those with a dash, `role`,
 * `class`, `for` and `id` are attributes. Strings become text, never HTML.
 * @param {string} tag
 * @param {Record<string, any>} [properties]
 * @param {...Child} children
 * @returns {any}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name.includes('-') || ['class', 'role', 'for', 'scope'].includes(name))
      element.setAttribute(name, String(value));
    else /** @type {any} */ (element)[name] = value;
  }
  element.append(.../** @type {(string | Node)[]} */ (children.filter((child) => child)));
  return element;
}

/**
 * Returns the element with an ID of the page.
 * @param {string} id
 * @returns {any}
 */
export const byId = (id) => document.getElementById(id);

/**
 * Returns text with its code spans as elements.
 * @param {string} text
 * @returns {Child[]}
 */
export function prose(text) {
  return text.split('`').map((part, at) => (at % 2 ? h('code', {}, part) : part));
}

/**
 * Returns a path that breaks after its slashes, if it must.
 * @param {string} path
 * @returns {Child[]}
 */
export function breakable(path) {
  return path.split(/(?<=\/)/).flatMap((part, at) => (at ? [h('wbr'), part] : [part]));
}

/**
 * Returns one paragraph for each that a description has.
 * @param {string | undefined} text
 * @returns {HTMLElement[]}
 */
export function paragraphs(text) {
  return (text ?? '')
    .split('\n\n')
    .filter(Boolean)
    .map((paragraph) => h('p', {}, ...prose(paragraph)));
}

/**
 * Announces a text to screen readers.
 * @param {string} text
 */
export function announce(text) {
  byId('said').textContent = text;
}

/**
 * Copies a text. Pages without TLS on another host than this one have no `navigator.clipboard`.
 * @param {string} text
 */
async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const field = h('textarea', { value: text, class: 'outside', 'aria-hidden': 'true' });
  document.body.append(field);
  field.select();
  const copied = document.execCommand('copy');
  field.remove();
  if (!copied) throw new Error('The browser does not allow it.');
}

/**
 * Returns a button that copies a text.
 * @param {string} label  What is copied, for screen readers.
 * @param {() => string} text
 * @returns {HTMLButtonElement}
 */
export function copyButton(label, text) {
  const button = h('button', { type: 'button', class: 'copy', 'aria-label': label }, 'Copy');
  const show = (/** @type {string} */ said) => {
    button.textContent = said;
    announce(said);
    setTimeout(() => (button.textContent = 'Copy'), 2000);
  };
  button.addEventListener('click', () =>
    copy(text()).then(
      () => show('Copied'),
      () => show('Not copied'),
    ),
  );
  return button;
}

/**
 * Returns a block of code with a button that copies it.
 * @param {string} label  What the block is.
 * @param {string} text
 * @returns {HTMLElement}
 */
export function codeBlock(label, text) {
  return h(
    'div',
    { class: 'code' },
    h('pre', { tabIndex: 0, role: 'region', 'aria-label': label }, h('code', {}, text)),
    copyButton(`Copy: ${label}`, () => text),
  );
}

/**
 * Returns a table; a cell is a child, or a list of children.
 * @param {string[]} head
 * @param {(Child | Child[])[][]} rows
 * @returns {HTMLElement}
 */
export function table(head, rows) {
  const row = (/** @type {string} */ tag, /** @type {(Child | Child[])[]} */ cells) =>
    h(
      'tr',
      {},
      ...cells.map((cell) => h(tag, { scope: tag === 'th' ? 'col' : null }, ...[cell].flat())),
    );
  return h(
    'div',
    { class: 'table', tabIndex: 0, role: 'region', 'aria-label': head.join(', ') },
    h(
      'table',
      {},
      h('thead', {}, row('th', head)),
      h('tbody', {}, ...rows.map((cells) => row('td', cells))),
    ),
  );
}

let tabsMade = 0;

/**
 * Returns tabs with their panels; the arrow keys move between them.
 * @param {string} label
 * @param {{ name: string, panel: HTMLElement }[]} entries
 * @param {string} selected  Name of the one that is shown first.
 * @param {(name: string) => void} onSelect
 * @returns {HTMLElement}
 */
export function tabs(label, entries, selected, onSelect) {
  const id = `tabs-${(tabsMade += 1)}`;
  const buttons = entries.map(({ name }, at) =>
    h(
      'button',
      { type: 'button', role: 'tab', 'aria-controls': `${id}-${at}`, 'data-tab': name },
      name,
    ),
  );
  const show = (/** @type {string} */ name) =>
    entries.forEach((entry, at) => {
      const on = entry.name === name;
      buttons[at].setAttribute('aria-selected', String(on));
      buttons[at].tabIndex = on ? 0 : -1;
      entry.panel.hidden = !on;
    });
  entries.forEach(({ name, panel }, at) => {
    buttons[at].id = `${id}-${at}-tab`;
    panel.id = `${id}-${at}`;
    panel.setAttribute('role', 'tabpanel');
    panel.setAttribute('aria-labelledby', `${id}-${at}-tab`);
    buttons[at].addEventListener('click', () => (show(name), onSelect(name)));
  });
  const list = h('div', { class: 'tabs', role: 'tablist', 'aria-label': label }, ...buttons);
  list.addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const at = buttons.indexOf(/** @type {any} */ (event.target));
    const next = buttons[(at + step + buttons.length) % buttons.length];
    next.click();
    next.focus();
    event.preventDefault();
  });
  show(entries.some((entry) => entry.name === selected) ? selected : entries[0].name);
  return h('div', { class: 'tabbed' }, list, ...entries.map((entry) => entry.panel));
}
