import { call, get } from './api.js';
import { choice, field, h, announce, split, runAction } from './dom.js';
import { t } from './translations.js';

/** Number of recipients per request. */
const TOGETHER = 200;

/** Number of users per page. */
const PAGE = '1000';

/** @typedef {{ id: unknown, login?: string }} Target */

/**
 * Choice of recipients: users by ID, connected users, or users with a role.
 */
class Recipients {
  kind;
  #users = h('input', { placeholder: 'budi, ani' });
  #role = h('input', { placeholder: 'moderator' });
  users = field(t('Users'), this.#users, t('IDs, comma-separated.'));
  role = field(t('Role'), this.#role);

  constructor() {
    const kinds = [
      ['users', t('these users')],
      ['connected', t('all connected users')],
      ['role', t('all users with a role')],
    ];
    this.kind = h('select', {}, ...kinds.map(([value, text]) => h('option', { value }, text)));
  }

  /** Shows the fields of the chosen kind. */
  arrange() {
    this.users.hidden = this.kind.value !== 'users';
    this.role.hidden = this.kind.value !== 'role';
  }

  #ids() {
    return [...new Set(split(this.#users.value))];
  }

  /**
   * Counts the recipients now.
   * @returns {Promise<number>}
   */
  async count() {
    if (this.kind.value === 'users') return this.#ids().length;
    if (this.kind.value === 'connected') return (await get('users')).total_count;
    const with_role = this.#role.value.trim();
    return with_role ? (await get('directory', { with_role, limit: '1' })).total_count : 0;
  }

  /**
   * Returns the recipients in parts for one request each.
   * @returns {AsyncGenerator<Target[]>}
   */
  async *parts() {
    for await (const page of this.#pages())
      for (let at = 0; at < page.length; at += TOGETHER) yield page.slice(at, at + TOGETHER);
  }

  /** @returns {AsyncGenerator<Target[]>} */
  async *#pages() {
    if (this.kind.value === 'users') yield this.#ids().map((id) => ({ id }));
    if (this.kind.value === 'connected') yield (await get('users')).available_users;
    if (this.kind.value !== 'role') return;
    /** @type {string | undefined} */
    let cursor;
    do {
      const with_role = this.#role.value.trim();
      const page = await get('directory', { with_role, limit: PAGE, cursor });
      cursor = page.next_cursor ?? undefined;
      yield page.users.map((/** @type {any} */ user) => ({
        id: user.user_id,
        login: user.login ?? undefined,
      }));
    } while (cursor);
  }
}

/**
 * Page *Send*.
 * @param {HTMLElement} place
 */
export async function send(place) {
  const recipients = new Recipients();
  const title = h('input', { placeholder: 'Message' });
  const message = h('textarea', { rows: 3, required: true });
  const priority = choice(['LOW', 'MEDIUM', 'HIGH'], 'MEDIUM');
  const count = h('p', { class: 'muted', role: 'status' });
  const bar = h('progress', { hidden: true, 'aria-label': t('Sent') });
  let request = 0;
  const recount = async () => {
    recipients.arrange();
    const own = ++request;
    const n = await recipients.count();
    if (own !== request) return;
    count.textContent = n === 1 ? t('1 recipient.') : t('{n} recipients.', { n });
  };
  const sendAll = async () => {
    bar.max = await recipients.count();
    if (!(await recipients.count())) throw new Error(t('No recipients.'));
    bar.hidden = bar.max <= TOGETHER;
    const body = {
      message: message.value,
      title: title.value || undefined,
      priority: priority.value,
      source: 'console',
    };
    const sent = await notify(recipients, body, bar);
    announce(t('Sent to {n}.', { n: sent }));
    message.value = '';
  };
  const onsubmit = (/** @type {Event} */ event) => {
    event.preventDefault();
    void runAction(sendAll);
  };
  const kind = field(t('Recipients'), recipients.kind);
  place.append(
    h(
      'form',
      { class: 'card stack', oninput: () => void runAction(recount), onsubmit },
      h('div', { class: 'two' }, kind, recipients.users, recipients.role),
      h('div', { class: 'two' }, field(t('Title'), title), field(t('Priority'), priority)),
      field(t('Message'), message),
      count,
      bar,
      h('button', { class: 'primary' }, t('Send')),
    ),
  );
  await recount();
}

/**
 * Sends a message to all recipients. Returns their number.
 * @param {Recipients} recipients
 * @param {object} body
 * @param {HTMLProgressElement} bar
 */
async function notify(recipients, body, bar) {
  let sent = 0;
  try {
    for await (const target of recipients.parts()) {
      const { json } = await call('POST', '/api/v1/notify', { body: { ...body, target } });
      sent += json.results.length;
      bar.value = sent;
    }
    return sent;
  } catch (error) {
    if (!sent) throw error;
    const before = t('It was sent to {n} before.', { n: sent });
    throw new Error(`${/** @type {Error} */ (error).message} ${before}`, { cause: error });
  } finally {
    bar.hidden = true;
  }
}
