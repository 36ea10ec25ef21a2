import { call, get } from './api.js';
import { announce, button, fill, h, incompleteNote, runAction, table, tr, when } from './dom.js';
import { refreshing } from './refresh.js';
import { t } from './translations.js';

/** Interval of updates, in milliseconds. */
const EVERY = 5_000;

/** Number of connections that are shown at first, and that *Load more* adds. */
const PAGE = 100;

/** Maximum number of connections in a response. */
const SHOWN_MAX = 1_000;

/** Heads of the table. */
const HEADS = ['User', 'Roles', 'Since', 'Transport', 'Hub', 'Feeds', 'Actions'];

/**
 * Returns the row of a connection.
 * @param {any} client
 * @param {() => Promise<void>} disconnect
 */
function row(client, disconnect) {
  const who = `${client.login} (${client.client_id})`;
  return tr(
    [
      h('a', { href: `#inbox/${encodeURIComponent(client.user_id)}` }, client.login),
      h('small', {}, String(client.user_id)),
    ],
    client.roles.join(', '),
    when(client.connected_at),
    client.transport,
    client.instance,
    client.subscriptions.join(', '),
    button(t('Disconnect'), disconnect, { 'aria-label': t('Disconnect {who}', { who }) }),
  );
}

/**
 * Page *Clients*: the connections of all hubs.
 * @param {HTMLElement} place
 */
export async function clients(place) {
  const user = h('input', {
    type: 'search',
    placeholder: t('User ID'),
    'aria-label': t('User ID'),
  });
  const total = h('p', { class: 'muted', role: 'status' });
  const list = h('div', {});
  let limit = PAGE;
  const more = button(
    t('Load more'),
    () => {
      limit += PAGE;
      return draw();
    },
    { hidden: true },
  );
  const disconnect = async (/** @type {any} */ client) => {
    const who = client.login;
    if (!confirm(t('Disconnect {who}? An open page signs in again, if it may.', { who }))) return;
    await call('DELETE', `/api/v1/admin/clients/${client.client_id}`);
    announce(t('{who} is disconnected.', { who }));
    await draw();
  };
  /** Number of the latest request: an earlier one may be answered after it. */
  let latest = 0;
  let before = '';
  const draw = async () => {
    const request = ++latest;
    const wanted = user.value.trim();
    const answer = await get('clients', { user: wanted, limit: String(limit) });
    if (request !== latest) return;
    const { connected_clients: all, total_count: n, next_cursor: next, incomplete } = answer;
    const now = JSON.stringify([all, n, next, incomplete, wanted]);
    if (now === before) return;
    before = now;
    // The focus stays on its button.
    const at = document.activeElement?.getAttribute('aria-label');
    const heads = HEADS.map((head) => t(head));
    const rows = all.map((/** @type {any} */ one) => row(one, () => disconnect(one)));
    const none = wanted ? t('This user is not connected.') : t('Nobody is connected.');
    total.textContent = n === 1 ? t('1 connection.') : t('{n} connections.', { n });
    more.hidden = !next || limit >= SHOWN_MAX;
    fill(list, incompleteNote(incomplete), table(t('Clients'), heads, rows, none));
    const same = at ? list.querySelector(`[aria-label="${CSS.escape(at)}"]`) : null;
    /** @type {HTMLElement | null} */ (same)?.focus();
  };
  const find = () => {
    limit = PAGE;
    void runAction(draw);
  };
  const onsubmit = (/** @type {Event} */ event) => {
    event.preventDefault();
    find();
  };
  const show = h('button', { class: 'primary' }, t('Show'));
  const form = h('form', { class: 'bar', role: 'search', onsubmit, onchange: find }, user, show);
  place.append(form, total, list, more);
  await draw();
  return refreshing(place, draw, EVERY);
}
