import { get } from './api.js';
import { button, fill, h, runAction } from './dom.js';
import { channelCards, channelName, testForm } from './channels.js';
import { DeliveryList, STATES } from './delivery-list.js';
import { t } from './translations.js';

/** @typedef {import('./channels.js').Channel} Channel */

/** Filters of the list, kept in the address of the page. */
class Filters {
  #controls;

  /**
   * @param {Channel[]} channels
   * @param {URLSearchParams} chosen
   */
  constructor(channels, chosen) {
    const search = (/** @type {string} */ label) =>
      h('input', { type: 'search', placeholder: label, 'aria-label': label });
    const names = ['email', 'push', ...channels.map(({ channel }) => channel)];
    // A channel that is not configured any more can still have deliveries.
    names.push(chosen.get('channel') ?? 'email');
    this.#controls = {
      user: search(t('User ID')),
      notification: search(t('Notification ID')),
      channel: select(t('Channel'), t('all channels'), [...new Set(names)], channelName),
      state: select(t('State'), t('all states'), STATES, t),
    };
    for (const [name, control] of Object.entries(this.#controls))
      control.value = chosen.get(name) ?? '';
  }

  get elements() {
    return Object.values(this.#controls);
  }

  /** Chosen filters, as parameters of a query. */
  get query() {
    const entries = Object.entries(this.#controls).map(([name, { value }]) => [name, value.trim()]);
    return Object.fromEntries(entries.filter(([, value]) => value));
  }
}

/**
 * Returns a choice with an entry for all.
 * @param {string} label
 * @param {string} all
 * @param {string[]} values
 * @param {(value: string) => string} named
 */
function select(label, all, values, named) {
  const option = (/** @type {string} */ value) =>
    h('option', { value }, value ? named(value) : all);
  return h('select', { 'aria-label': label }, ...['', ...values].map(option));
}

/**
 * Page *Deliveries*.
 * @param {HTMLElement} place
 */
export async function deliveries(place) {
  const { channels } = await get('channels');
  const chosen = new URLSearchParams(location.hash.split('/').slice(1).join('/'));
  const filters = new Filters(channels, chosen);
  const cards = h('div', {}, channelCards(channels));
  const drawCards = async () => fill(cards, channelCards((await get('channels')).channels));
  const empty = () => {
    if (Object.keys(filters.query).length) return t('No delivery matches.');
    if (!channels.length) return t('No deliveries, because no channel is configured.');
    return t('No deliveries yet: no notification has had a type with one of these channels.');
  };
  const list = new DeliveryList({
    name: t('Deliveries'),
    query: () => filters.query,
    empty,
    retried: drawCards,
  });
  const load = async () => {
    const query = new URLSearchParams(filters.query).toString();
    history.replaceState(null, '', query ? `#deliveries/${query}` : '#deliveries');
    await list.load();
  };
  const onsubmit = (/** @type {Event} */ event) => {
    event.preventDefault();
    void runAction(load);
  };
  place.append(
    h('h2', {}, t('Channels')),
    cards,
    ...(channels.length ? [testForm(channels)] : []),
    h('h2', {}, t('Deliveries')),
    h(
      'form',
      { class: 'bar', role: 'search', onsubmit, onchange: () => void runAction(load) },
      ...filters.elements,
      h('button', { class: 'primary' }, t('Show')),
      button(t('Refresh'), () => Promise.all([load(), drawCards()])),
    ),
    list.element,
  );
  await load();
}
