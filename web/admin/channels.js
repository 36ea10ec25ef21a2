import { call } from './api.js';
import { badge } from './badges.js';
import { field, fill, h, runAction } from './dom.js';
import { withFieldErrors } from './field-errors.js';
import { number, t } from './translations.js';

/** Example of a channel in the config file. */
const EXAMPLE = `[channels.email]
url = "smtp://127.0.0.1:1025"
from = "Lonceng <no-reply@example.com>"

[[channels.webhook]]
name = "ops"
url = "https://chat.example.com/hooks/1"`;

/**
 * @typedef {{ channel: string, state: string, unreached?: string[], deliveries: Record<string, number> }} Channel
 */

/**
 * Returns the name of a channel for people.
 * @param {string} channel
 */
export function channelName(channel) {
  if (channel === 'web') return t('Web (bell)');
  if (channel === 'email') return t('E-mail');
  return channel === 'push' ? 'Web Push' : channel;
}

/**
 * Returns the configured channels with their state and their number of deliveries.
 * @param {Channel[]} channels
 */
export function channelCards(channels) {
  if (!channels.length) return setupCard();
  return h('div', { class: 'charts' }, ...channels.map(card));
}

/** Returns a card that explains how to configure a channel. */
function setupCard() {
  return h(
    'section',
    { class: 'card stack' },
    h(
      'p',
      {},
      t('No channel is configured: notifications appear in the bell only.'),
      ' ',
      t('Add one to config.toml, section [channels], and restart the hub:'),
    ),
    h('pre', { tabIndex: 0 }, EXAMPLE),
  );
}

/** @param {Channel} channel */
function card({ channel, state, unreached, deliveries }) {
  const isOk = state === 'ok';
  const counts = Object.entries(deliveries).map(([name, count]) => {
    const href = `#deliveries/${new URLSearchParams({ channel, state: name })}`;
    const text = `${number(count)} ${t(name)}`;
    return h('li', {}, h('a', { href }, text));
  });
  return h(
    'section',
    { class: 'card stack', 'aria-label': channelName(channel) },
    h('div', { class: 'bar' }, h('h3', {}, channelName(channel)), badge(state)),
    isOk ? null : h('p', {}, t('It could not be reached. The hub tries again by itself.')),
    unreached?.length ? h('p', { class: 'says' }, unreached.join(', ')) : null,
    counts.length
      ? h('ul', { class: 'counts' }, ...counts)
      : h('p', { class: 'muted' }, t('No deliveries yet.')),
  );
}

/**
 * Returns a form that sends a test on a channel and shows the reply of the other side.
 * @param {Channel[]} channels
 */
export function testForm(channels) {
  const option = ({ channel = '' }) => h('option', { value: channel }, channelName(channel));
  const channel = h('select', {}, ...channels.map(option));
  const address = h('input', { 'data-field': 'to', autocomplete: 'off' });
  const to = field(t('To'), address, ' ');
  const reply = h('output', { class: 'preview', 'aria-live': 'polite', hidden: true });
  const arrange = () => {
    const isMail = channel.value === 'email';
    to.hidden = channel.value.startsWith('webhook:');
    address.required = !to.hidden;
    address.inputMode = isMail ? 'email' : 'text';
    to.querySelector('small').textContent = isMail ? t('E-mail address') : t('User ID');
  };
  const send = async () => {
    reply.hidden = true;
    const path = `/api/v1/admin/channels/${encodeURIComponent(channel.value)}/test`;
    const body = to.hidden ? {} : { to: address.value.trim() };
    const { json } = await call('POST', path, { body });
    reply.hidden = false;
    fill(
      reply,
      h('span', {}, badge(json.ok ? 'sent' : 'failed')),
      h('span', {}, t('Reply: {reply}', { reply: json.reply })),
    );
  };
  const onsubmit = (/** @type {Event} */ event) => {
    event.preventDefault();
    void runAction(() => withFieldErrors(form, send));
  };
  const form = h(
    'form',
    { class: 'card stack', onsubmit, 'aria-label': t('Send a test') },
    h('h2', {}, t('Send a test')),
    h('div', { class: 'two' }, field(t('Channel'), channel), to),
    h('div', { class: 'bar' }, h('button', { class: 'primary' }, t('Send test'))),
    reply,
  );
  channel.addEventListener('change', arrange);
  arrange();
  return form;
}
