import { get } from './api.js';
import { fill, h, table, when } from './dom.js';
import { t } from './words.js';

/** Interval of updates, in milliseconds. */
const EVERY = 5_000;

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

/** @param {HTMLElement} place */
export async function overview(place) {
  const live = h('div', { class: 'stack' });
  place.append(live);
  const draw = async () => {
    const stats = await get('stats');
    const { totals, series, parts } = stats;
    const of = (/** @type {string} */ name) =>
      series.map((/** @type {any} */ point) => point[name]);
    const perMinute = (/** @type {string} */ name) =>
      of(name).map((/** @type {number} */ count) => (count * 60) / stats.interval_seconds);
    const unwell = Object.entries(parts).filter(
      ([name, word]) => name !== 'reasons' && (word === 'down' || word === 'degraded'),
    );
    const bad = unwell.filter(([name]) => !stats.optional.includes(name));
    const missing = unwell.filter(([name]) => stats.optional.includes(name));
    const because = (/** @type {string} */ name) =>
      parts.reasons[name] ? `: ${parts.reasons[name]}` : '';
    const well = [
      bad.length
        ? h(
            'ul',
            { class: 'alert' },
            ...bad.map(([name, word]) =>
              h(
                'li',
                {},
                h('strong', {}, t('{name} is {word}', { name, word: t(String(word)) })),
                because(name),
              ),
            ),
          )
        : h('p', { class: 'good' }, t('Everything is well.')),
      missing.length &&
        h(
          'ul',
          { class: 'optional' },
          ...missing.map(([name]) =>
            h(
              'li',
              { title: parts.reasons[name] ?? '' },
              h('span', { class: 'badge' }, t('optional')),
              ` ${t('{name} is not connected; the hub works without it.', { name })}`,
            ),
          ),
        ),
    ];
    const unknown =
      stats.unknown_types.length &&
      h(
        'section',
        { class: 'stack' },
        h('h2', {}, t('Events without a type')),
        table(
          t('Events without a type'),
          [t('Code'), t('Events'), t('Last'), t('Probably')],
          stats.unknown_types.map((/** @type {any} */ one) =>
            h(
              'tr',
              {},
              h('td', { class: 'code' }, one.code),
              h('td', {}, written(one.count)),
              h('td', {}, when(one.last_at)),
              h(
                'td',
                {},
                one.did_you_mean
                  ? h(
                      'a',
                      { class: 'code', href: `#types/${encodeURIComponent(one.did_you_mean)}` },
                      one.did_you_mean,
                    )
                  : '–',
              ),
            ),
          ),
          '',
        ),
      );
    const tile = (/** @type {string} */ name, /** @type {number} */ value) =>
      h('div', { class: 'card tile' }, h('strong', {}, written(value)), h('span', {}, name));
    fill(
      live,
      ...well,
      h(
        'div',
        { class: 'tiles' },
        tile(t('people connected'), stats.connections.users),
        tile(t('connections'), totals.connections),
        tile(t('notifications'), totals.notifications),
        tile(t('events'), totals.events),
        tile(t('dead letters'), stats.dead_letters),
        tile(t('in the directory'), stats.directory),
        tile(t('types'), stats.types),
      ),
      unknown,
      h(
        'div',
        { class: 'charts' },
        chart(t('Events'), perMinute('events'), t('a minute')),
        chart(t('Notifications'), perMinute('notifications'), t('a minute')),
        chart(t('Latency'), of('latency_ms'), t('ms')),
        chart(t('Connections'), of('connections'), t('open')),
        chart(t('Waiting'), of('queued'), t('in queues')),
      ),
      series.length < 2
        ? h(
            'p',
            { class: 'muted' },
            t('The charts begin when the hub does: a point every ten seconds, for an hour.'),
          )
        : null,
    );
  };
  await draw();
  const timer = setInterval(() => void draw().catch(() => {}), EVERY);
  return () => clearInterval(timer);
}
