import { call, get } from './api.js';
import { field, h, say, trying } from './dom.js';

/** @param {HTMLElement} place */
export async function send(place) {
  const to = h('select', {}, h('option', { value: 'users' }, 'these users'), h('option', { value: 'connected' }, 'everybody who is connected'));
  const users = h('input', { placeholder: 'budi, ani' });
  const title = h('input', { placeholder: 'Message' });
  const message = h('textarea', { rows: 3, required: true });
  const priority = h('select', {}, ...['LOW', 'MEDIUM', 'HIGH'].map((one) => h('option', { value: one, selected: one === 'MEDIUM' }, one)));
  const count = h('p', { class: 'muted', role: 'status' });
  const whom = field('Users', users, 'Ids, with commas.');
  /** Asked anew each time: people come and go. @returns {Promise<Array<{ id: unknown, login?: string }>>} */
  const targets = async () => {
    if (to.value === 'connected') return (await get('users')).available_users;
    const ids = users.value.split(',').map((/** @type {string} */ id) => id.trim()).filter(Boolean);
    return [...new Set(ids)].map((id) => ({ id: String(id) }));
  };
  const recount = async () => {
    whom.hidden = to.value !== 'users';
    const { length } = await targets();
    count.textContent = length === 1 ? 'Goes to 1 person.' : `Goes to ${length} people.`;
  };
  const form = h('form', {
    class: 'card stack', oninput: () => void recount(), onsubmit: (/** @type {Event} */ event) => {
      event.preventDefault();
      void trying(async () => {
        const target = await targets();
        if (!target.length) throw new Error('Nobody is named.');
        const body = { target, message: message.value, title: title.value || undefined, priority: priority.value, source: 'console' };
        const { json } = await call('POST', '/api/v1/notify', { body });
        say(`Sent to ${json.results.length}.`);
        message.value = '';
      });
    },
  }, h('div', { class: 'two' }, field('To', to), whom), h('div', { class: 'two' }, field('Title', title), field('Priority', priority)),
  field('Message', message), count, h('button', { class: 'primary' }, 'Send'));
  place.append(form);
  await recount();
}
