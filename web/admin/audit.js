import { get } from './api.js';
import { fill, h, runAction, when } from './dom.js';
import { t } from './translations.js';

/**
 * Page *Audit*. The address may name a subject, such as `type:NOTE_CREATED`.
 * @param {HTMLElement} place
 */
export async function audit(place) {
  const search = h('input', {
    type: 'search',
    placeholder: 'type:NOTE_CREATED',
    'aria-label': t('Subject'),
    value: decodeURIComponent(location.hash.split('/').slice(1).join('/')),
  });
  const list = h('div', { class: 'stack' });
  const more = h('button', { type: 'button', hidden: true }, t('Load older'));
  /** @type {string | undefined} */
  let cursor;
  const load = async (fresh = true) => {
    const subject = search.value.trim();
    history.replaceState(null, '', subject ? `#audit/${encodeURIComponent(subject)}` : '#audit');
    const page = await get('audit', { cursor: fresh ? undefined : cursor, subject, limit: '30' });
    cursor = page.next_cursor ?? undefined;
    more.hidden = !cursor;
    if (fresh) list.replaceChildren();
    list.append(...page.entries.map(card));
    if (!list.children.length) fill(list, h('p', { class: 'empty' }, t('No changes yet.')));
  };
  const onsubmit = (/** @type {Event} */ event) => {
    event.preventDefault();
    void runAction(load);
  };
  more.addEventListener('click', () => void runAction(() => load(false)));
  place.append(
    h(
      'form',
      { class: 'bar', role: 'search', onsubmit },
      search,
      h('button', { class: 'primary' }, t('Show')),
    ),
    list,
    more,
  );
  await load();
}

/**
 * Returns who made a change: the name or the login of a user with the ID, else what the hub calls
 * it.
 * @param {any} entry
 */
function nameOf({ who, who_name: name, who_login: login }) {
  const known = name ?? login;
  return known && known !== who ? `${known} (${who})` : who;
}

/** @param {any} entry */
function card(entry) {
  const head = h(
    'div',
    { class: 'bar' },
    h('strong', {}, entry.action),
    h('span', { class: 'code' }, entry.subject),
    h('span', { class: 'muted' }, t('by {who}', { who: nameOf(entry) })),
    when(entry.at),
  );
  const of = { class: 'card stack', 'aria-label': `${entry.action} ${entry.subject}` };
  return h('article', of, head, changes(entry));
}

/** @param {any} value */
const text = (value) => JSON.stringify(value ?? null);

/**
 * @param {string} name
 * @param {any} before
 * @param {any} after
 */
function change(name, before, after) {
  return h(
    'li',
    {},
    h('span', { class: 'code' }, name),
    ': ',
    h('del', {}, text(before)),
    ' → ',
    h('ins', {}, text(after)),
  );
}

/**
 * Returns whether two states are of the same thing. The replay of a dead letter has the letter
 * before, and what became of its events after.
 * @param {any} before
 * @param {any} after
 */
function isSameThing(before, after) {
  const names = Object.keys(after).filter((name) => name !== 'id');
  return names.some((name) => name in before);
}

/**
 * Returns a state, folded up.
 * @param {any} state
 */
function whole(state) {
  const json = JSON.stringify(state, null, 2);
  return h('details', {}, h('summary', {}, t('Changes')), h('pre', { tabIndex: 0 }, json));
}

/**
 * Returns what became of something, key by key.
 * @param {any} after
 */
function outcome(after) {
  const names = Object.keys(after).filter((name) => name !== 'id' && after[name] !== null);
  const line = (/** @type {string} */ name) =>
    h('li', {}, h('span', { class: 'code' }, name), ': ', h('ins', {}, text(after[name])));
  return h('ul', { class: 'changes' }, ...names.map(line));
}

/**
 * Returns the differences of a change, key by key.
 * @param {any} entry
 */
export function changes({ before, after, changes: keys }) {
  const list = keys ?? after?.changes;
  if (Array.isArray(list))
    return h(
      'ul',
      { class: 'changes' },
      ...list.map((/** @type {any} */ one) => change(one.key, one.before, one.after)),
    );
  if (!before && !after) return null;
  if (before && after && !isSameThing(before, after))
    return h('div', { class: 'stack' }, outcome(after), whole(before));
  if (!before || !after) return whole(before ?? after);
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (name) => name !== 'updated_at' && text(before[name]) !== text(after[name]),
  );
  return h(
    'ul',
    { class: 'changes' },
    ...names.map((name) => change(name, before[name], after[name])),
  );
}
