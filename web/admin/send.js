import { call } from './api.js';
import { choice, field, h, announce, runAction } from './dom.js';
import { withFieldErrors } from './field-errors.js';
import { priorityName } from './names.js';
import { Recipients, TOGETHER } from './recipients.js';
import { t } from './translations.js';

/**
 * Page *Send*.
 * @param {HTMLElement} place
 */
export async function send(place) {
  const recipients = new Recipients();
  const title = h('input', { placeholder: t('Message') });
  const message = h('textarea', { rows: 3, required: true });
  const priority = choice(['LOW', 'MEDIUM', 'HIGH'], 'MEDIUM', {}, priorityName);
  const link = h('input', {
    placeholder: '/orders/42',
    spellcheck: false,
    'data-field': 'action_url',
  });
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
    const n = await recipients.count();
    if (!n) throw new Error(t('No recipients.'));
    if (!confirm(question(n, await recipients.unknown(), recipients.silent))) return;
    bar.max = n;
    bar.hidden = bar.max <= TOGETHER;
    const body = {
      message: message.value,
      title: title.value || undefined,
      priority: priority.value,
      action_url: link.value.trim() || undefined,
      source: 'console',
    };
    const sent = await notify(recipients, body, bar);
    announce(t('Sent to {n}.', { n: sent }));
    message.value = '';
  };
  const onsubmit = (/** @type {Event} */ event) => {
    event.preventDefault();
    void runAction(() => withFieldErrors(form, sendAll));
  };
  const kind = field(t('Recipients'), recipients.kind);
  const form = h(
    'form',
    { class: 'card stack', onsubmit },
    h(
      'div',
      { class: 'two', oninput: () => void runAction(recount) },
      kind,
      recipients.users,
      recipients.role,
    ),
    h('div', { class: 'two' }, field(t('Title'), title), field(t('Priority'), priority)),
    field(t('Message'), message),
    field(t('Link'), link, t('opened by a click on the notification')),
    count,
    bar,
    h('div', {}, h('button', { class: 'primary' }, t('Send'))),
  );
  place.append(form);
  await recount();
}

/** Maximum number of unknown users in the question. */
const NAMED_MAX = 10;

/**
 * Returns the question before a message is sent.
 * @param {number} n
 * @param {string[]} unknown  Users who are not in the directory.
 * @param {string[]} silent  Hubs that did not answer.
 */
function question(n, unknown, silent) {
  const send =
    n === 1 ? t('Send the message to 1 user?') : t('Send the message to {n} users?', { n });
  if (silent.length) {
    const hubs = silent.join(', ');
    const missing = t('No answer from: {hubs}. Who is connected only there does not get it.', {
      hubs,
    });
    return `${missing}\n\n${send}`;
  }
  if (!unknown.length) return send;
  const more = unknown.length - NAMED_MAX;
  const named = unknown.slice(0, NAMED_MAX).join(', ');
  const users = more > 0 ? `${named} ${t('and {n} more', { n: more })}` : named;
  const warning = t(
    'Not in the directory: {users}. Check the spelling. Sending adds them to the directory.',
    { users },
  );
  return `${warning}\n\n${send}`;
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
