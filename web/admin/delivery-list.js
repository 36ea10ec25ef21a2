import { call, get } from './api.js';
import { badge } from './badges.js';
import { channelName } from './channels.js';
import { addRows, announce, button, h, labelRow, runAction, table, tr, when } from './dom.js';
import { deliveryReason } from './hub-text.js';
import { number, t } from './translations.js';

/** States of a delivery. */
export const STATES = ['scheduled', 'sending', 'sent', 'failed', 'cancelled', 'skipped'];

/** States from which a delivery can be retried. */
const RETRIED = ['failed', 'cancelled', 'skipped'];

/** Number of deliveries per page. */
const PAGE = '50';

/** Interval and maximum number of requests that follow a retry. */
const POLL_INTERVAL = 500;
const POLLS_MAX = 40;

/** List of deliveries with paging and retries. */
export class DeliveryList {
  element = h('div', { class: 'stack' });
  #options;
  #more = button(t('Load more'), () => this.load(false), { hidden: true });
  /** @type {string | null} */
  #cursor = null;
  /** Number of the latest request: an earlier one may be answered after it. */
  #latest = 0;

  /**
   * @param {{
   *   name: string,
   *   query: () => Record<string, string | undefined>,
   *   empty: () => string,
   *   ofUser?: boolean,
   *   retried?: () => unknown,
   * }} options  `ofUser`: all deliveries are of one user, who is not repeated. `retried` is called
   *   when a retry has ended.
   */
  constructor(options) {
    this.#options = options;
  }

  /**
   * Loads the first page, or the next one.
   * @param {boolean} [fresh]
   */
  async load(fresh = true) {
    this.#latest += 1;
    const request = this.#latest;
    const cursor = fresh ? undefined : (this.#cursor ?? undefined);
    const page = await get('deliveries', { ...this.#options.query(), limit: PAGE, cursor });
    if (request !== this.#latest) return;
    const rows = page.items.map((/** @type {any} */ delivery) => this.#row(delivery));
    this.#cursor = page.next_cursor;
    this.#more.hidden = !this.#cursor;
    if (fresh) this.#show(rows);
    else {
      addRows(this.element, rows);
      rows[0]?.querySelector('a')?.focus();
    }
  }

  /** @param {HTMLElement[]} rows */
  #show(rows) {
    const { name, empty, ofUser } = this.#options;
    const heads = [
      t('Created'),
      ...(ofUser ? [] : [t('User')]),
      ...['Type', 'Channel', 'State', 'Attempts', 'Reason', 'Due or sent', 'Actions'].map((head) =>
        t(head),
      ),
    ];
    this.element.replaceChildren(table(name, heads, rows, empty()), this.#more);
  }

  /** @param {any} delivery */
  #row(delivery) {
    const { user_id: user, type_code: code, channel, state } = delivery;
    const reason = deliveryReason(delivery, channelName);
    const actions = h('td', {}, h('div', { class: 'bar' }, explainLink(delivery)));
    const row = tr(
      when(delivery.created_at),
      ...(this.#options.ofUser ? [] : [userLink(user)]),
      h('a', { class: 'code', href: `#types/${encodeURIComponent(code)}` }, code),
      channelName(channel),
      badge(state),
      number(delivery.attempts),
      h('td', { class: reason ? 'says' : '' }, reason ?? '–'),
      timeOf(delivery),
      actions,
    );
    if (RETRIED.includes(state)) {
      const what = `${channelName(channel)}, ${user || t('all recipients')}`;
      const retry = button(t('Retry'), () => this.#retry(delivery, row), {
        'aria-label': `${t('Retry')}: ${what}`,
      });
      actions.firstElementChild.prepend(retry);
    }
    return row;
  }

  /**
   * Retries a delivery, and shows its state until the attempt has ended.
   * @param {any} delivery
   * @param {HTMLElement} row
   */
  async #retry(delivery, row) {
    const { delivery_id: id, notification_id: notification, channel } = delivery;
    const path = `/api/v1/admin/deliveries/${id}/retry`;
    const { json: scheduled } = await call('POST', path);
    let [current, shown] = [scheduled, this.#replace(row, scheduled)];
    // A delivery that is due at another time waits for a further attempt, or for quiet hours.
    const isPending = () =>
      current.state === 'sending' ||
      (current.state === 'scheduled' && current.due_at === scheduled.due_at);
    for (let poll = 0; poll < POLLS_MAX && isPending() && shown.isConnected; poll += 1) {
      await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL));
      const { items } = await get('deliveries', { notification, channel });
      const found = items.find((/** @type {any} */ one) => one.delivery_id === id);
      if (!found) break;
      current = found;
      shown = this.#replace(shown, found);
    }
    if (!shown.isConnected) return;
    const reason = deliveryReason(current, channelName);
    const outcome = [t(current.state), reason].filter(Boolean).join(', ');
    announce(t('Retried: {outcome}.', { outcome }), current.state === 'failed');
    await this.#options.retried?.();
  }

  /**
   * Replaces a row. The focus stays in it.
   * @param {HTMLElement} row
   * @param {any} delivery
   */
  #replace(row, delivery) {
    const next = this.#row(delivery);
    const hadFocus = row.contains(document.activeElement);
    labelRow(this.element, next);
    row.replaceWith(next);
    const target = next.querySelector('td:last-child :is(a, button)');
    if (hadFocus) /** @type {HTMLElement | null} */ (target)?.focus();
    return next;
  }
}

/** @param {string} user  Empty if the delivery stands for all recipients of an event. */
function userLink(user) {
  if (!user) return h('span', { class: 'muted' }, t('all recipients'));
  return h('a', { class: 'code', href: `#inbox/${encodeURIComponent(user)}` }, user);
}

/** @param {any} delivery */
function explainLink({ notification_id: id }) {
  const label = t('Explain {what}', { what: id });
  return h('a', { href: `#explain/${id}`, 'aria-label': label }, t('Explain'));
}

/** @param {any} delivery */
function timeOf({ state, sent_at: sent, due_at: due }) {
  if (sent) return when(sent);
  return ['scheduled', 'sending'].includes(state) ? [t('due'), ' ', when(due)] : '–';
}

/**
 * Returns the deliveries of a user on every channel.
 * @param {string} user
 */
export function deliveriesOf(user) {
  const name = t('Deliveries on channels');
  const empty = () => t('Nothing was sent to this user on a channel other than the bell.');
  const list = new DeliveryList({ name, query: () => ({ user }), empty, ofUser: true });
  void runAction(() => list.load());
  return h('section', { class: 'stack' }, h('h2', {}, name), list.element);
}
