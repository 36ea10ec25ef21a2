import { call, get } from './api.js';
import { announce, fill, h, incompleteNote, runAction, table, when } from './dom.js';
import { t } from './translations.js';

const EVERY = 5_000;

/** @param {HTMLElement} place */
export async function clients(place) {
  const list = h('div', {});
  place.append(list);
  const draw = async () => {
    const { connected_clients: all, incomplete } = await get('clients');
    // The focus stays on its button.
    const at = document.activeElement?.getAttribute('aria-label');
    fill(
      list,
      incompleteNote(incomplete),
      table(
        t('Clients'),
        ['User', 'Roles', 'Since', 'Transport', 'Hub', 'Feeds', 'Actions'].map((head) => t(head)),
        all.map((/** @type {any} */ client) =>
          h(
            'tr',
            {},
            h(
              'td',
              {},
              h('a', { href: `#inbox/${encodeURIComponent(client.user_id)}` }, client.login),
              h('small', {}, String(client.user_id)),
            ),
            h('td', {}, client.roles.join(', ')),
            h('td', {}, when(client.connected_at)),
            h('td', {}, client.transport),
            h('td', {}, client.instance),
            h('td', {}, client.subscriptions.join(', ')),
            h(
              'td',
              {},
              h(
                'button',
                {
                  type: 'button',
                  'aria-label': t('Disconnect {who}', {
                    who: `${client.login} (${client.client_id})`,
                  }),
                  onclick: () =>
                    void runAction(async () => {
                      await call('DELETE', `/api/v1/admin/clients/${client.client_id}`);
                      announce(t('{who} is disconnected.', { who: client.login }));
                      await draw();
                    }),
                },
                t('Disconnect'),
              ),
            ),
          ),
        ),
        t('Nobody is connected.'),
      ),
    );
    if (at)
      /** @type {HTMLElement | null} */ (
        list.querySelector(`[aria-label="${CSS.escape(at)}"]`)
      )?.focus();
  };
  await draw();
  const timer = setInterval(() => void draw().catch(() => {}), EVERY);
  return () => clearInterval(timer);
}
