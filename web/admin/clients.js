import { call, get } from './api.js';
import { announce, button, fill, h, incompleteNote, table, tr, when } from './dom.js';
import { t } from './translations.js';

/** Interval of updates, in milliseconds. */
const EVERY = 5_000;

/** Heads of the table. */
const HEADS = ['User', 'Roles', 'Since', 'Transport', 'Hub', 'Feeds', 'Actions'];

/**
 * Page *Clients*: the connections of all hubs.
 * @param {HTMLElement} place
 */
export async function clients(place) {
  const list = h('div', {});
  place.append(list);
  const disconnect = async (/** @type {any} */ client) => {
    const who = client.login;
    if (!confirm(t('Disconnect {who}? An open page signs in again, if it may.', { who }))) return;
    await call('DELETE', `/api/v1/admin/clients/${client.client_id}`);
    announce(t('{who} is disconnected.', { who }));
    await draw();
  };
  const row = (/** @type {any} */ client) => {
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
      button(t('Disconnect'), () => disconnect(client), {
        'aria-label': t('Disconnect {who}', { who }),
      }),
    );
  };
  const draw = async () => {
    const { connected_clients: all, incomplete } = await get('clients');
    // The focus stays on its button.
    const at = document.activeElement?.getAttribute('aria-label');
    const heads = HEADS.map((head) => t(head));
    fill(
      list,
      incompleteNote(incomplete),
      table(t('Clients'), heads, all.map(row), t('Nobody is connected.')),
    );
    const same = at ? list.querySelector(`[aria-label="${CSS.escape(at)}"]`) : null;
    /** @type {HTMLElement | null} */ (same)?.focus();
  };
  await draw();
  const timer = setInterval(() => void draw().catch(() => {}), EVERY);
  return () => clearInterval(timer);
}
