import { call, get } from './api.js';
import { field, h, say, trying } from './dom.js';
import { t } from './words.js';

/** Number of recipients per request. */
const TOGETHER = 200;

/** Number of users per page. */
const PAGE = '1000';

/** @typedef {{ id: unknown, login?: string }} Target */

/** @param {HTMLElement} place */
export async function send(place) {
  const choices = /** @type {const} */ ([
    ['users', t('these users')],
    ['connected', t('everybody who is connected')],
    ['role', t('everybody with a role')],
  ]);
  const to = h('select', {}, ...choices.map(([value, text]) => h('option', { value }, text)));
  const users = h('input', { placeholder: 'budi, ani' });
  const role = h('input', { placeholder: 'moderator' });
  const title = h('input', { placeholder: 'Message' });
  const message = h('textarea', { rows: 3, required: true });
  const priority = h(
    'select',
    {},
    ...['LOW', 'MEDIUM', 'HIGH'].map((one) =>
      h('option', { value: one, selected: one === 'MEDIUM' }, one),
    ),
  );
  const count = h('p', { class: 'muted', role: 'status' });
  const bar = h('progress', { hidden: true, 'aria-label': t('Sent') });
  const whom = field(t('Users'), users, t('Ids, with commas.'));
  const which = field(t('Role'), role);
  const named = () => [
    ...new Set(
      users.value
        .split(',')
        .map((/** @type {string} */ id) => id.trim())
        .filter(Boolean),
    ),
  ];
  /**
   * Counts the recipients now.
   * @returns {Promise<number>}
   */
  const howMany = async () => {
    if (to.value === 'users') return named().length;
    if (to.value === 'connected') return (await get('users')).total_count;
    return role.value.trim()
      ? (await get('directory', { with_role: role.value.trim(), limit: '1' })).total_count
      : 0;
  };
  /** @returns {AsyncGenerator<Target[]>} */
  async function* targets() {
    /** @type {Target[]} */
    let all = [];
    if (to.value === 'users') all = named().map((id) => ({ id: String(id) }));
    else if (to.value === 'connected') all = (await get('users')).available_users;
    for (let at = 0; at < all.length; at += TOGETHER) yield all.slice(at, at + TOGETHER);
    if (to.value !== 'role') return;
    /** @type {string | undefined} */
    let cursor;
    do {
      const page = await get('directory', { with_role: role.value.trim(), limit: PAGE, cursor });
      cursor = page.next_cursor ?? undefined;
      const people = page.users.map((/** @type {any} */ person) => ({
        id: person.user_id,
        login: person.login ?? undefined,
      }));
      for (let at = 0; at < people.length; at += TOGETHER) yield people.slice(at, at + TOGETHER);
    } while (cursor);
  }
  let asked = 0;
  const recount = async () => {
    whom.hidden = to.value !== 'users';
    which.hidden = to.value !== 'role';
    const mine = ++asked;
    const people = await howMany();
    if (mine === asked)
      count.textContent =
        people === 1
          ? t('Goes to 1 person.')
          : t('Goes to {n} people.', { n: people.toLocaleString() });
  };
  const form = h(
    'form',
    {
      class: 'card stack',
      oninput: () => void trying(recount),
      onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        void trying(async () => {
          bar.max = await howMany();
          if (!bar.max || !(await howMany())) throw new Error(t('Nobody is named.'));
          let sent = 0;
          bar.hidden = bar.max <= TOGETHER;
          try {
            for await (const target of targets()) {
              const body = {
                target,
                message: message.value,
                title: title.value || undefined,
                priority: priority.value,
                source: 'console',
              };
              sent += (await call('POST', '/api/v1/notify', { body })).json.results.length;
              bar.value = sent;
            }
          } catch (error) {
            throw new Error(
              `${error instanceof Error ? error.message : error} ${sent ? t('It was sent to {n} before that.', { n: sent }) : ''}`,
            );
          } finally {
            bar.hidden = true;
          }
          say(t('Sent to {n}.', { n: sent.toLocaleString() }));
          message.value = '';
        });
      },
    },
    h('div', { class: 'two' }, field(t('To'), to), whom, which),
    h('div', { class: 'two' }, field(t('Title'), title), field(t('Priority'), priority)),
    field(t('Message'), message),
    count,
    bar,
    h('button', { class: 'primary' }, t('Send')),
  );
  place.append(form);
  await recount();
}
