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
 * Returns the origins whose pages were refused, with the line of config.toml that allows each.
 * @param {Array<{ origin: string, count: number, last_at: string }>} origins
 */
export function refusedOrigins(origins) {
  if (!origins.length) return null;
  const row = (/** @type {{ origin: string, count: number, last_at: string }} */ one) => {
    const line = `allowed_origins = [${quoted(one.origin)}]`;
    const label = t('Copy the line for {what}', { what: one.origin });
    return tr(
      h('td', { class: 'code wide' }, one.origin),
      written(one.count),
      when(one.last_at),
      h('td', { class: 'code wide' }, line),
      button(t('Copy'), () => copy(line), { 'aria-label': label }),
    );
  };
  const title = t('Refused origins');
  const heads = [t('Origin'), t('Requests'), t('Last'), t('Line for [server]'), t('Actions')];
  return h(
    'section',
    { class: 'stack' },
    h('h2', {}, title),
    h(
      'p',
      { class: 'muted' },
      t('Pages of these sites may not use the hub. To allow one, add it to config.toml.'),
    ),
    table(title, heads, origins.map(row), ''),
  );
}

/**
 * Returns the codes of events without a type, each with a link that creates it.
 * @param {any[]} codes
 */
export function unknownTypes(codes) {
  if (!codes.length) return null;
  const row = (/** @type {any} */ one) => {
    const like = one.suggestion ?? one.did_you_mean ?? '';
    const parts = [one.code, like].filter(Boolean).map(encodeURIComponent);
    const similar = like
      ? h('a', { class: 'code', href: `#types/${encodeURIComponent(like)}` }, like)
      : '–';
    const text = t('Create the type {code}', { code: one.code });
    const href = `#new-type/${parts.join('/')}`;
    return tr(
      h('td', { class: 'code' }, one.code),
      written(one.count),
      when(one.last_at),
      similar,
      h('td', { class: 'wide' }, h('a', { class: 'button', href }, text)),
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
