import { get } from './api.js';
import { fill, h, table, tr, when } from './dom.js';
import { t } from './translations.js';

/** Interval of updates, in milliseconds. */
const REFRESH_INTERVAL = 5_000;

/** @param {number | null | undefined} number */
const written = (number) =>
  (number === null || number === undefined ? '–' : Math.round(number * 10) / 10).toLocaleString();

/**
 * Returns a small chart of the last hour.
 * @param {string} name
 * @param {Array<number | null>} values
 * @param {string} unit
 */
function chart(name, values, unit) {
  const [width, height] = [320, 64];
  const most = Math.max(0, ...values.map((value) => value ?? 0));
  const scale = most || 1;
  const x = (/** @type {number} */ at) =>
    values.length < 2 ? width : (at / (values.length - 1)) * width;
  const points = values.map(
    (value, at) =>
      `${x(at).toFixed(1)},${(height - 2 - ((value ?? 0) / scale) * (height - 6)).toFixed(1)}`,
  );
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('role', 'img');
  const last = values.at(-1);
  svg.setAttribute(
    'aria-label',
    t('{name}, the last hour: at most {most} {unit}, now {last}', {
      name,
      most: written(most),
      unit,
      last: written(last),
    }),
  );
  const area = document.createElementNS(svg.namespaceURI, 'polygon');
  area.setAttribute('points', `0,${height} ${points.join(' ')} ${width},${height}`);
  const line = document.createElementNS(svg.namespaceURI, 'polyline');
  line.setAttribute('points', points.join(' '));
  svg.append(area, line);
  return h(
    'section',
    { class: 'card chart' },
    h('h2', {}, name),
    h(
      'p',
      {},
      h('strong', {}, written(last)),
      h(
        'span',
        { class: 'muted' },
        values.length ? ` ${unit}, ${t('at most {most}', { most: written(most) })}` : ` ${unit}`,
      ),
    ),
    svg,
  );
}

/**
 * Page *Overview*.
 * @param {HTMLElement} place
 */
export async function overview(place) {
  const live = h('div', { class: 'stack' });
  place.append(live);
  const draw = async () => {
    const [stats, { hubs: all }] = await Promise.all([get('stats'), get('hubs')]);
    fill(
      live,
      ...state(stats),
      tiles(stats),
      hubs(all),
      unknownTypes(stats.unknown_types),
      ...charts(stats),
    );
  };
  await draw();
  const timer = setInterval(() => void draw().catch(() => {}), REFRESH_INTERVAL);
  return () => clearInterval(timer);
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
    const reason = parts.reasons[name] ? `: ${parts.reasons[name]}` : '';
    const text = t('{name} is {word}', { name, word: t(String(word)) });
    return h('li', {}, h('strong', {}, text), reason);
  };
  const absence = (/** @type {[string, unknown]} */ [name]) => {
    const text = t('{name} is not connected; the hub works without it.', { name });
    const title = parts.reasons[name] ?? '';
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
 * Returns the totals.
 * @param {any} stats
 */
function tiles(stats) {
  const tile = (/** @type {string} */ name, /** @type {number} */ value) =>
    h('div', { class: 'card tile' }, h('strong', {}, written(value)), h('span', {}, name));
  return h(
    'div',
    { class: 'tiles' },
    tile(t('users connected'), stats.connections.users),
    tile(t('connections'), stats.totals.connections),
    tile(t('notifications'), stats.totals.notifications),
    tile(t('events'), stats.totals.events),
    tile(t('dead letters'), stats.dead_letters),
    tile(t('in the directory'), stats.directory),
    tile(t('types'), stats.types),
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
    h('p', { class: 'muted' }, t('The figures above and below are those of this hub.')),
  );
}

/**
 * Returns the codes of events without a type.
 * @param {any[]} codes
 */
function unknownTypes(codes) {
  if (!codes.length) return null;
  const similar = (/** @type {string | null} */ code) =>
    code ? h('a', { class: 'code', href: `#types/${encodeURIComponent(code)}` }, code) : '–';
  const row = (/** @type {any} */ one) =>
    tr(
      h('td', { class: 'code' }, one.code),
      written(one.count),
      when(one.last_at),
      similar(one.did_you_mean),
    );
  const title = t('Events without a type');
  const heads = [t('Code'), t('Events'), t('Last'), t('Did you mean')];
  return h(
    'section',
    { class: 'stack' },
    h('h2', {}, title),
    table(title, heads, codes.map(row), ''),
  );
}

/**
 * Returns the charts of the last hour.
 * @param {any} stats
 */
function charts({ series, interval_seconds: seconds }) {
  const values = (/** @type {string} */ name) =>
    series.map((/** @type {any} */ point) => point[name]);
  const perMinute = (/** @type {string} */ name) =>
    values(name).map((/** @type {number} */ count) => (count * 60) / seconds);
  const note = t(
    'The charts begin at the start of the hub: a point every ten seconds, for one hour.',
  );
  return [
    h(
      'div',
      { class: 'charts' },
      chart(t('Events'), perMinute('events'), t('per minute')),
      chart(t('Notifications'), perMinute('notifications'), t('per minute')),
      chart(t('Latency'), values('latency_ms'), t('ms')),
      chart(t('Connections'), values('connections'), t('open')),
      chart(t('Queue'), values('queued'), t('waiting')),
    ),
    series.length < 2 && h('p', { class: 'muted' }, note),
  ];
}
