import { get } from './api.js';
import { written } from './chart.js';
import { announce, button, h, table, tr, when } from './dom.js';
import { t } from './translations.js';

/** @param {string} text */
const quoted = (text) => JSON.stringify(text);

/**
 * Copies a text. Without access to the clipboard it is shown to be copied by hand.
 * @param {string} text
 */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    announce(t('Copied: {text}', { text }));
  } catch {
    announce(text);
  }
}

/**
 * Allowed origins, as the hub has them now.
 * @typedef {object} AllowedOrigins
 * @property {string[]} origins
 * @property {string | null} variable  Environment variable that sets them; null for config.toml.
 */

/** Returns the allowed origins. @returns {Promise<AllowedOrigins>} */
export async function allowedOrigins() {
  const { values } = await get('config');
  const found = values?.find((/** @type {any} */ one) => one.key === 'server.allowed_origins');
  const variable = found?.source === 'environment' ? found.variable : null;
  return { origins: found?.value ?? [], variable };
}

/**
 * Returns the line that allows more origins, beside those that are allowed already.
 * @param {AllowedOrigins} allowed
 * @param {string[]} more
 */
function lineFor({ origins, variable }, more) {
  const list = `[${[...new Set([...origins, ...more])].map(quoted).join(', ')}]`;
  return variable ? `${variable}='${list}'` : `allowed_origins = ${list}`;
}

/**
 * Returns the origins whose pages were refused, with the line that allows each of them, and all.
 * @param {Array<{ origin: string, count: number, last_at: string }>} refused
 * @param {AllowedOrigins} allowed
 */
export function refusedOrigins(refused, allowed) {
  if (!refused.length) return null;
  const copying = (/** @type {string[]} */ origins, /** @type {string} */ label) =>
    button(t('Copy'), () => copy(lineFor(allowed, origins)), { 'aria-label': label });
  const row = ({ origin = '', count = 0, last_at: last = '' }) =>
    tr(
      h('td', { class: 'code wide' }, origin),
      written(count),
      when(last),
      h('td', { class: 'code wide' }, lineFor(allowed, [origin])),
      copying([origin], t('Copy the line for {what}', { what: origin })),
    );
  const title = t('Refused origins');
  const { variable } = allowed;
  const head = variable ? t('New value') : t('New line in [server]');
  const heads = [t('Origin'), t('Requests'), t('Last'), head, t('Actions')];
  const note = variable
    ? t(
        'Pages of these sites may not use the hub. To allow one, give the environment variable {variable} its new value, and restart the hub.',
        { variable },
      )
    : t(
        'Pages of these sites may not use the hub. To allow one, replace the line allowed_origins in the section [server] of config.toml by its new line. Origins that are allowed now are in it too.',
      );
  return h(
    'section',
    { class: 'stack' },
    h('h2', {}, title),
    h('p', { class: 'muted' }, note),
    table(title, heads, refused.map(row), ''),
    refused.length > 1 ? lineOfAll(refused, allowed, copying) : null,
  );
}

/**
 * Returns the line that allows all refused origins.
 * @param {Array<{ origin: string }>} refused
 * @param {AllowedOrigins} allowed
 * @param {(origins: string[], label: string) => HTMLElement} copying
 */
function lineOfAll(refused, allowed, copying) {
  const origins = refused.map(({ origin }) => origin).sort();
  const label = t('All of them in one line:');
  return h(
    'div',
    { class: 'bar' },
    h('span', {}, label),
    h('code', { class: 'code' }, lineFor(allowed, origins)),
    copying(origins, t('Copy the line for all')),
  );
}

/**
 * Returns a link that creates the type of events that have none.
 * @param {string} code
 * @param {string | null} [like]  Code of a similar type.
 */
export function createLink(code, like) {
  const parts = [code, like].filter((part) => typeof part === 'string' && part !== '');
  const href = `#new-type/${parts.map((part) => encodeURIComponent(String(part))).join('/')}`;
  return h('a', { class: 'button', href }, t('Create the type {code}', { code }));
}

/**
 * Returns the codes of events without a type, each with a link that creates it.
 * @param {any[]} codes
 */
export function unknownTypes(codes) {
  if (!codes.length) return null;
  const row = (/** @type {any} */ one) => {
    const like = one.suggestion ?? one.did_you_mean ?? '';
    const similar = like
      ? h('a', { class: 'code', href: `#types/${encodeURIComponent(like)}` }, like)
      : '–';
    return tr(
      h('td', { class: 'code' }, one.code),
      written(one.count),
      when(one.last_at),
      similar,
      h('td', { class: 'wide' }, createLink(one.code, like)),
    );
  };
  const title = t('Events without a type');
  const heads = [t('Code'), t('Events'), t('Last'), t('Did you mean'), t('Actions')];
  return h(
    'section',
    { class: 'stack' },
    h('h2', {}, title),
    table(title, heads, codes.map(row), ''),
  );
}
