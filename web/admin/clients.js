import { call, get } from './api.js';
import { h, say, table, trying, when } from './dom.js';

const EVERY = 5_000;

/** @param {HTMLElement} place */
export async function clients(place) {
  const list = h('div', {});
  place.append(list);
  const draw = async () => {
    const { connected_clients: all } = await get('clients');
    // Whoever stands on a button keeps standing there.
    const at = document.activeElement?.getAttribute('aria-label');
    list.replaceChildren(table('Clients', ['Who', 'Roles', 'Since', 'By', 'Hub', 'Watches', 'Actions'], all.map((/** @type {any} */ client) => h('tr', {},
      h('td', {}, h('strong', {}, client.login), h('small', {}, String(client.user_id))),
      h('td', {}, client.roles.join(', ')), h('td', {}, when(client.connected_at)), h('td', {}, client.transport),
      h('td', {}, client.instance), h('td', {}, client.subscriptions.join(', ')),
      h('td', {}, h('button', {
        type: 'button', 'aria-label': `Disconnect ${client.login} (${client.client_id})`,
        onclick: () => void trying(async () => {
          await call('DELETE', `/api/v1/admin/clients/${client.client_id}`);
          say(`${client.login} is disconnected`);
          await draw();
        }),
      }, 'Disconnect')))), 'Nobody is connected.'));
    if (at) /** @type {HTMLElement | null} */ (list.querySelector(`[aria-label="${CSS.escape(at)}"]`))?.focus();
  };
  await draw();
  const timer = setInterval(() => void draw().catch(() => {}), EVERY);
  return () => clearInterval(timer);
}
