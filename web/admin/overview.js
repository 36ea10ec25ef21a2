import { Refused, get } from './api.js';
import { Chart, written } from './chart.js';
import { fill, h, incompleteNote, runAction, table, tr, when } from './dom.js';
import { reasonText } from './hub-text.js';
import { refreshing } from './refresh.js';
import { allowedOrigins, refusedOrigins, unknownTypes } from './remedies.js';
import { t } from './translations.js';

/** Interval of updates, in milliseconds. */
const REFRESH_INTERVAL = 5_000;

/** Ranges of the charts, and their names. @type {Array<[string, string]>} */
const RANGES = [
  ['1h', '1 hour'],
  ['24h', '24 hours'],
  ['7d', '7 days'],
  ['30d', '30 days'],
];

/** Page *Overview*: state, totals, remedies and charts. */
class Overview {
  #place;
  #live = h('div', { class: 'stack' });
  #charts = h('div', { class: 'charts trends' });
  #note = h('p', { class: 'muted' });
  #ranges = h('div', { class: 'segments', role: 'group', 'aria-label': t('Range') });
  #range = '1h';
  /** Charts that are shown, by name. @type {Map<string, Chart>} */
  #shown = new Map();
  /** What the tables were drawn from: they stay while it does, with the focus in them. */
  #before = '';

  /** @param {HTMLElement} place */
  constructor(place) {
    this.#place = place;
    for (const [range, name] of RANGES) {
      const choose = () => {
        this.#range = range;
        this.#press();
        void runAction(() => this.draw());
      };
      const one = h('button', { type: 'button', onclick: choose, 'data-range': range }, t(name));
      this.#ranges.append(one);
    }
    this.#press();
    place.append(
      this.#live,
      h('div', { class: 'bar between' }, h('h2', {}, t('Over time')), this.#ranges),
      this.#charts,
      this.#note,
    );
  }

  #press() {
    for (const one of this.#ranges.children)
      one.setAttribute('aria-pressed', String(one.dataset.range === this.#range));
  }

  async draw() {
    const range = this.#range;
    const [stats, { hubs: all }, long] = await Promise.all([
      get('stats'),
      get('hubs'),
      overviewOf(range),
    ]);
    const origins = long?.refused_origins ?? [];
    const allowed = origins.length ? await allowedOrigins() : { origins: [], variable: null };
    if (range !== this.#range) return;
    this.#ranges.hidden = !long;
    const unknown = long?.unknown_types ?? stats.unknown_types;
    const incomplete = long?.incomplete ?? [];
    const now = JSON.stringify([
      stats.totals,
      stats.connections,
      stats.parts,
      stats.dead_letters,
      stats.directory,
      stats.types,
      long?.totals.deliveries,
      all,
      origins,
      allowed,
      unknown,
      incomplete,
    ]);
    if (now !== this.#before) {
      const focus = document.activeElement?.getAttribute('aria-label');
      fill(
        this.#live,
        ...state(stats),
        tiles(stats, long, all),
        incompleteNote(incomplete),
        refusedOrigins(origins, allowed),
        unknownTypes(unknown),
        hubs(all),
      );
      const same = focus && this.#live.querySelector(`[aria-label="${CSS.escape(focus)}"]`);
      /** @type {HTMLElement | null} */ (same || null)?.focus();
    }
    this.#before = now;
    this.#drawCharts(stats, long);
  }

  /**
   * @param {any} stats
   * @param {any} long  Series of the chosen range; null if the hub keeps the last hour only.
   */
  #drawCharts(stats, long) {
    const points = (/** @type {any[]} */ series, /** @type {string} */ name, factor = 1) =>
      series.map((point) => ({
        at: Date.parse(point.at),
        value: typeof point[name] === 'number' ? point[name] * factor : null,
      }));
    const live = stats.series;
    const durable = long?.series ?? live;
    const rate = long ? 1 : 60 / stats.interval_seconds;
    const unit = long ? perPoint(long.interval_seconds) : t('per minute');
    const isHour = !long || this.#range === '1h';
    /** @type {Array<[string, string, any[], number, string]>} */
    const wanted = [
      ['events', t('Events'), durable, rate, unit],
      ['notifications', t('Notifications'), durable, rate, unit],
      ['skipped', t('Skipped events'), long ? durable : [], rate, unit],
      ['failed', t('Failed events'), long ? durable : [], rate, unit],
      ['latency_ms', t('Latency'), isHour ? live : [], 1, t('ms')],
      ['connections', t('Connections'), isHour ? live : [], 1, t('open')],
      ['queued', t('Queue'), isHour ? live : [], 1, t('waiting')],
    ];
    const shown = new Map(
      wanted
        .filter(([, , series]) => series.length)
        .map(([name, title, series, factor, of]) => [
          name,
          new Chart(title, points(series, name, factor), of),
        ]),
    );
    for (const [name, chart] of shown) {
      const before = this.#shown.get(name);
      if (before) chart.adopt(before);
    }
    this.#shown = shown;
    this.#charts.replaceChildren(...[...shown.values()].map(({ element }) => element));
    this.#note.textContent =
      isHour && live.length
        ? t('Latency, connections and queue are of this hub since its start, for one hour.')
        : '';
  }

  /** Whether the page is still shown. */
  get isShown() {
    return this.#place.isConnected;
  }
}

/**
 * Returns the unit of a count per point.
 * @param {number} seconds
 */
function perPoint(seconds) {
  if (seconds >= 3_600) return t('per {n} hours', { n: seconds / 3_600 });
  return seconds === 60 ? t('per minute') : t('per {n} minutes', { n: seconds / 60 });
}

/**
 * Returns the totals and the series of a range; null if the hub does not keep them.
 * @param {string} range
 */
async function overviewOf(range) {
  try {
    return await get('overview', { range });
  } catch (error) {
    if (error instanceof Refused && error.status === 404) return null;
    throw error;
  }
}

/**
 * Page *Overview*.
 * @param {HTMLElement} place
 */
export async function overview(place) {
  const page = new Overview(place);
  await page.draw();
  return refreshing(place, () => page.draw(), REFRESH_INTERVAL);
}

/**
 * Returns the state of the hub's parts.
 * @param {any} stats
 */
function state({ parts, optional }) {
  const failing = Object.entries(parts).filter(
    ([name, word]) => name !== 'reasons' && (word === 'down' || word === 'degraded'),
  );
  const required = failing.filter(([name]) => !optional.includes(name));
  const missing = failing.filter(([name]) => optional.includes(name));
  const failure = (/** @type {[string, unknown]} */ [name, word]) => {
    const reason = parts.reasons[name] ? `: ${reasonText(parts.reasons[name])}` : '';
    const text = t('The part {name} is {word}', { name, word: t(String(word)) });
    return h('li', {}, h('strong', {}, text), reason);
  };
  const absence = (/** @type {[string, unknown]} */ [name]) => {
    const text = t('{name} is not connected; the hub works without it.', { name });
    const title = reasonText(parts.reasons[name] ?? '');
    return h('li', { title }, h('span', { class: 'badge' }, t('optional')), ` ${text}`);
  };
  return [
    required.length
      ? h('ul', { class: 'alert' }, ...required.map(failure))
      : h('p', { class: 'good' }, t('All parts are operational.')),
    missing.length && h('ul', { class: 'optional' }, ...missing.map(absence)),
  ];
}

/**
 * Returns the number of deliveries that failed on all channels; null if it is not known.
 * @param {any} long
 * @returns {number | null}
 */
function failedDeliveries(long) {
  if (!long) return null;
  const channels = /** @type {any[]} */ (Object.values(long.totals.deliveries));
  return channels.reduce((sum, { failed = 0 }) => sum + failed, 0);
}

/**
 * Returns the totals.
 * @param {any} stats
 * @param {any} long  Totals of the store; null if the hub does not keep them.
 * @param {any[]} all  Hubs.
 */
function tiles(stats, long, all) {
  const tile = (
    /** @type {number | null} */ value,
    /** @type {string} */ one,
    /** @type {string} */ many,
    /** @type {string} */ href,
  ) =>
    h(
      'a',
      { class: 'card tile', href },
      h('strong', {}, written(value)),
      h('span', {}, value === 1 ? one : many),
    );
  const { totals, dead_letters: letters, directory, types } = stats;
  const { notifications, events } = totals;
  const isAlone = all.length < 2;
  const connections = isAlone
    ? totals.connections
    : all.reduce((sum, hub) => sum + (hub.connections ?? 0), 0);
  // A user may be connected to several hubs, so the numbers of the hubs have no sum.
  const users = isAlone
    ? [t('user connected'), t('users connected')]
    : [t('user at this hub'), t('users at this hub')];
  const failed = failedDeliveries(long);
  return h(
    'div',
    { class: 'totals' },
    tile(stats.connections.users, users[0], users[1], '#clients'),
    tile(connections, t('connection'), t('connections'), '#clients'),
    tile(notifications, t('notification'), t('notifications'), '#activity'),
    tile(events, t('event'), t('events'), '#activity'),
    tile(letters, t('dead letter'), t('dead letters'), '#dead-letters'),
    tile(failed, t('failed delivery'), t('failed deliveries'), '#deliveries/state=failed'),
    tile(directory, t('in the directory'), t('in the directory'), '#directory'),
    tile(types, t('type'), t('types'), '#types'),
  );
}

/**
 * Returns the hubs that share the store, if there are several.
 * @param {any[]} all
 */
function hubs(all) {
  if (all.length < 2) return null;
  const row = (/** @type {any} */ hub) =>
    tr(
      hub.instance,
      hub.version,
      when(hub.started_at),
      written(hub.connections),
      hub.ready ? t('ready') : t('not ready'),
    );
  const title = t('Hubs');
  const heads = [t('Hub'), t('Version'), t('Since'), t('Connections'), t('State')];
  return h(
    'section',
    { class: 'stack' },
    h('h2', {}, title),
    table(title, heads, all.map(row), ''),
    h('p', { class: 'muted' }, t('The charts of the last hour are those of this hub.')),
  );
}
