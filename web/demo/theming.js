import { dress, say, t } from './page.js';
import { contrast, cssOf, FONTS, PRESETS, TOKENS } from './tokens.js';

/** @typedef {import('./tokens.js').Token} Token */

/**
 * @param {string} id
 * @returns {any}
 */
const byId = (id) => document.getElementById(id);

const asked = new URLSearchParams(location.search);
const user = asked.get('user_id') ?? 'budi';
const bell = /** @type {HTMLElement} */ (document.querySelector('lonceng-bell'));
const inbox = /** @type {HTMLElement} */ (document.querySelector('lonceng-inbox'));

/**
 * What the reader has changed, by theme.
 * @type {Record<'light' | 'dark', Record<string, string>>}
 */
let changed = { light: {}, dark: {} };

/** Theme that the preview shows. @returns {'light' | 'dark'} */
const theme = () => (bell.dataset.theme === 'dark' ? 'dark' : 'light');

/** Names of the component's own variables, which hold the built-in values. */
const INNER = /** @type {Record<string, string>} */ ({ '--lonceng-bell-color': 'color' });

/**
 * Returns the value that the elements use for a token.
 * @param {Token} token
 */
function present({ name, kind }) {
  const own = changed[theme()][name];
  if (own) return own;
  const inner = INNER[name] ?? name.replace('--lonceng-', '--l-');
  const value = getComputedStyle(bell).getPropertyValue(inner).trim();
  return kind === 'color' ? hex(value) : value;
}

/**
 * Returns a colour in `#rrggbb`, as colour fields want it.
 * @param {string} color
 */
function hex(color) {
  const parts = /^rgba?\((\d+), (\d+), (\d+)/.exec(color);
  if (parts)
    return `#${parts
      .slice(1)
      .map((part) => Number(part).toString(16).padStart(2, '0'))
      .join('')}`;
  return /^#[0-9a-f]{6}$/i.test(color) ? color : '#000000';
}

/**
 * @param {Token} token
 * @param {string} value
 */
function change({ name }, value) {
  changed[theme()][name] = value;
  show();
}

/** Applies the tokens and prints them. */
function show() {
  const { style } = document.documentElement;
  for (const { name } of TOKENS) {
    const value = changed[theme()][name];
    if (value) style.setProperty(name, value);
    else style.removeProperty(name);
  }
  const css = cssOf(changed);
  if (css) {
    delete byId('css').dataset.t;
    byId('css').textContent = css;
  } else say(byId('css'), 'Nothing is changed yet.');
  const value = (/** @type {string} */ name) =>
    present(/** @type {Token} */ (TOKENS.find((token) => token.name === name)));
  const ratios = ['--lonceng-text', '--lonceng-muted'].map((name) =>
    contrast(value(name), value('--lonceng-surface')),
  );
  const ratio = Math.min(...ratios).toFixed(1);
  const readable = Number(ratio) >= 4.5;
  say(
    byId('contrast'),
    readable ? 'Contrast of text: {ratio}, readable.' : 'Contrast of text: {ratio}, below 4.5.',
    { ratio },
  );
  byId('contrast').classList.toggle('bad', !readable);
}

/**
 * Returns the field of a token.
 * @param {Token} token
 */
function field(token) {
  const { label, kind, name } = token;
  const input = /** @type {any} */ (document.createElement(kind === 'font' ? 'select' : 'input'));
  if (kind === 'color') input.type = 'color';
  if (kind === 'length') Object.assign(input, { type: 'range', min: '0', max: '28' });
  if (kind === 'font')
    for (const [text, value] of Object.entries(FONTS)) {
      const option = new Option(t(text), value);
      option.dataset.t = text;
      input.append(option);
    }
  input.dataset.token = name;
  const code = document.createElement('code');
  code.textContent = name;
  const text = document.createElement('span');
  say(text, label);
  const row = document.createElement('label');
  row.className = 'token';
  row.append(text, code, input);
  input.addEventListener('input', () =>
    change(token, kind === 'length' ? `${input.value}px` : input.value),
  );
  return row;
}

/** Gives the fields the values that the elements use. */
function fillFields() {
  for (const token of TOKENS) {
    const input = /** @type {HTMLInputElement} */ (
      document.querySelector(`[data-token="${token.name}"]`)
    );
    const value = present(token);
    input.value = token.kind === 'length' ? String(parseFloat(value)) : value;
    if (token.kind === 'font' && !input.value) input.value = FONTS.System;
  }
}

/** @param {typeof changed} sets */
function begin(sets) {
  changed = structuredClone(sets);
  show();
  fillFields();
}

async function ring() {
  const title = `Recital ${Math.random().toString(36).slice(2, 6)}`;
  await fetch('/api/v1/events', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ type: 'NOTE_SHARED', actor_id: 'rina', recipient_id: user, title }),
  });
}

/** @param {HTMLElement} button */
async function copy(button) {
  try {
    await navigator.clipboard.writeText(cssOf(changed));
    say(button, 'Copied');
  } catch {
    say(button, 'Not copied');
  }
  setTimeout(() => say(button, 'Copy'), 2000);
}

for (const element of [bell, inbox]) element.setAttribute('user-id', user);
for (const [name, sets] of Object.entries(PRESETS)) {
  const button = document.createElement('button');
  button.type = 'button';
  say(button, name);
  button.onclick = () => begin(sets);
  byId('presets').append(button);
}
byId('fields').append(...TOKENS.map(field));
byId('reset').onclick = () => begin({ light: {}, dark: {} });
byId('ring').onclick = () => void ring();
byId('copy').onclick = (/** @type {Event} */ event) =>
  void copy(/** @type {HTMLElement} */ (event.currentTarget));
dress(document);
await customElements.whenDefined('lonceng-bell');
begin({ light: {}, dark: {} });
// The theme of the page, or of the system, has changed.
new MutationObserver(() => {
  show();
  fillFields();
}).observe(bell, { attributeFilter: ['data-theme'] });
