import { get } from './api.js';
import { badge } from './badges.js';
import { channelName } from './channels.js';
import { deliveriesOf } from './delivery-list.js';
import { unverified } from './directory.js';
import { button, fill, h, incompleteNote, table, runAction, when } from './dom.js';
import { editPreferences } from './preferences-dialog.js';
import { memoryNote, traceCard, typesOf } from './trace.js';
import { t } from './translations.js';

/** @param {any} item */
function row(item) {
  const shown = {
    pushed: t('delivered live'),
    limited: t('over the limit'),
    not_connected: t('not connected'),
    not_known: '',
  };
  return h(
    'tr',
    {},
    h('td', {}, badge(item.status)),
    h(
      'td',
      { class: 'wide' },
      h('strong', {}, item.title),
      h('small', { class: 'code' }, item.type_code),
    ),
    h('td', { class: 'says' }, item.message),
    h('td', {}, when(item.created_at)),
    h('td', {}, when(item.read_at)),
    h('td', {}, /** @type {Record<string, string>} */ (shown)[item.live.how]),
    h(
      'td',
      {},
      h(
        'a',
        {
          href: `#explain/${item.notification_id}`,
          'aria-label': t('Explain {what}', { what: item.notification_id }),
        },
        t('Explain'),
      ),
    ),
  );
}

/**
 * Returns a channel with what its user does not want on it; null for nothing.
 * @param {[string, { enabled: boolean, types: Record<string, boolean> }]} channel
 */
function channelWish([name, { enabled, types }]) {
  const channel = channelName(name);
  if (!enabled) return t('{channel} is off', { channel });
  const off = Object.keys(types).filter((code) => !types[code]);
  return off.length ? t('{channel} without {types}', { channel, types: off.join(', ') }) : null;
}

/** @param {number | null} days */
function keptFor(days) {
  if (!days) return null;
  return days === 1 ? t('kept for one day') : t('kept for {n} days', { n: days });
}

/** @param {any} wants */
function wishes(wants) {
  if (!wants)
    return h('p', { class: 'muted' }, t('No preferences saved: everything is delivered.'));
  const parts = [
    wants.muted_types.length
      ? t('muted: {types}', { types: wants.muted_types.join(', ') })
      : t('nothing is muted'),
    wants.quiet_hours ? t('quiet from {from} to {to}', wants.quiet_hours) : t('no quiet hours'),
    ...Object.entries(wants.channels ?? {}).map(channelWish),
    wants.digest ? t('digest: {digest}', wants) : null,
    keptFor(wants.retention_days),
  ];
  return h('p', {}, parts.filter(Boolean).join(' · '));
}

/**
 * Returns the name of a user, and further fields.
 * @param {any} user
 */
function identity(user) {
  const { user_id: id, login, name, email, roles } = user;
  const more = [login, email, ...(roles ?? [])].filter(Boolean).join(' · ');
  return h(
    'p',
    {},
    h('strong', {}, name ?? login ?? id),
    ' ',
    h('span', { class: 'muted' }, more),
    ' ',
    unverified(user),
  );
}

/** Maximum number of users to choose from. */
const MEANT_MAX = '10';

/**
 * Returns the users whose ID, login, name or e-mail address has this text.
 * @param {string} q
 * @returns {Promise<any[]>}
 */
const usersLike = async (q) => (await get('directory', { q, limit: MEANT_MAX })).users;

/**
 * Returns the only user with this login, name or e-mail address; undefined if there are several.
 * @param {string} text
 * @param {any[]} users
 */
function userCalled(text, users) {
  const wanted = text.toLowerCase();
  const found = users.filter(({ login, name, email }) =>
    [login, name, email].some((one) => one?.toLowerCase() === wanted),
  );
  return found.length === 1 ? found[0] : undefined;
}

/**
 * Returns a choice of the users that a text may mean.
 * @param {string} text
 * @param {any[]} users
 */
function choiceOf(text, users) {
  const line = (/** @type {any} */ { user_id: id, name, login, email }) =>
    h(
      'li',
      {},
      h('a', { href: `#inbox/${encodeURIComponent(id)}` }, name ?? login ?? id),
      ' ',
      h('span', { class: 'muted' }, [id, login, email].filter(Boolean).join(' · ')),
    );
  return h(
    'section',
    { class: 'card stack' },
    h('p', {}, t('No user has the ID “{id}”. Did you mean:', { id: text })),
    h('ul', { class: 'meant' }, ...users.map(line)),
  );
}

/** Number of the latest events of a user that the hub explains. */
const EVENTS_EXPLAINED = 50;

/**
 * Returns whether the user of an inbox has missed an event, or a part of it. Its recipients are
 * those of this user only; its counts are of all users.
 * @param {any} trace
 */
const isMissed = ({ outcome, recipients }) =>
  outcome !== 'accepted' || recipients.some((/** @type {any} */ one) => one.outcome !== 'stored');

/**
 * Returns a link to all events of a user; null if the store does not keep them.
 * @param {string} user
 * @param {any} kept
 */
function allEvents(user, kept) {
  if (!kept.days) return null;
  const href = `#activity/${new URLSearchParams({ user })}`;
  const link = h('a', { href }, t('Activity'));
  return h('p', { class: 'muted' }, t('All events of this user are in'), ' ', link, '.');
}

/**
 * Returns everything about a user.
 * @param {string} user
 * @param {any} about
 * @param {any[]} missed  Traces of events that did not reach the user.
 * @param {Map<string, any>} types
 * @param {() => Promise<void>} reload
 */
function contentOf(user, about, missed, types, reload) {
  const unknown = t(
    'This user is not in the directory: notifications for a role or for all do not reach them.',
  );
  const heads = ['Status', 'Title', 'Message', 'Created', 'Read', 'Delivery', 'Actions'];
  const rows = about.notifications.map(row);
  const looked = t('None among the latest {n} events of this user.', { n: EVENTS_EXPLAINED });
  const none = h('p', { class: 'empty' }, looked);
  const edit = about.in_directory
    ? button(t('Edit preferences'), () => editPreferences(user, reload))
    : null;
  return [
    identity(about.user),
    about.in_directory ? null : h('p', { class: 'alert' }, unknown),
    h('div', { class: 'bar' }, wishes(about.preferences), edit),
    table(
      t('Inbox'),
      heads.map((head) => t(head)),
      rows,
      t('This inbox is empty.'),
    ),
    deliveriesOf(user),
    h('h2', {}, t('Not delivered, and why')),
    ...(missed.length ? missed.map((trace) => traceCard(trace, types)) : [none]),
    allEvents(user, about.kept),
    memoryNote(about.kept),
    incompleteNote(about.incomplete),
  ];
}

/**
 * Page *Inbox*: everything about one user.
 * @param {HTMLElement} place
 */
export async function inbox(place) {
  const id = h('input', {
    type: 'search',
    required: true,
    placeholder: t('ID, login, name or e-mail'),
    'aria-label': t('User'),
  });
  const list = h('div', { class: 'stack', 'aria-live': 'polite' });
  /** Number of the latest request: an earlier one may be answered after it. */
  let latest = 0;
  /** @returns {Promise<void>} */
  const look = async () => {
    const user = id.value.trim();
    if (!user) return;
    latest += 1;
    const request = latest;
    history.replaceState(null, '', `#inbox/${encodeURIComponent(user)}`);
    const about = await get('explain', { user });
    const missed = about.events.filter(isMissed);
    const types = await typesOf(missed);
    const meant = about.in_directory ? [] : await usersLike(user);
    if (request !== latest) return;
    if (meant.length && !about.notifications.length) {
      const called = userCalled(user, meant);
      if (!called) return void fill(list, choiceOf(user, meant));
      id.value = called.user_id;
      return look();
    }
    fill(list, ...contentOf(user, about, missed, types, look));
  };
  place.append(
    h(
      'form',
      {
        class: 'bar',
        role: 'search',
        onsubmit: (/** @type {Event} */ event) => {
          event.preventDefault();
          void runAction(look);
        },
      },
      id,
      h('button', { class: 'primary' }, t('Show')),
    ),
    list,
  );
  id.value = decodeURIComponent(location.hash.split('/')[1] ?? '');
  await look();
}
