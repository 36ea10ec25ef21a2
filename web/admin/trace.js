import { keptNote } from './activity.js';
import { call, get } from './api.js';
import { badge } from './badges.js';
import { h, runAction, when } from './dom.js';
import { eventReason } from './hub-text.js';
import { createLink } from './remedies.js';
import { t } from './translations.js';

/**
 * Returns how a notification was delivered live.
 * @param {any} live
 */
function told(live) {
  if (live.how === 'pushed')
    return h(
      'span',
      { title: live.connections.join('\n') },
      t('pushed, connections: {n}', { n: live.connections.length }),
      ' ',
      when(live.at),
    );
  if (live.how === 'limited') return t('over the live limit: part of a summary');
  if (live.how === 'not_connected') return t('not connected: it waited in the inbox');
  return t('delivery is no longer known');
}

/**
 * Returns the delivery steps of one recipient.
 * @param {any} reader
 */
function reached(reader) {
  const name = h(
    'a',
    { href: `#inbox/${encodeURIComponent(reader.user_id)}`, class: 'code' },
    reader.user_id,
  );
  if (reader.outcome === 'muted')
    return h('li', { class: 'stop' }, name, ' ', t('muted this type, so nothing was stored'));
  if (reader.outcome === 'failed')
    return h('li', { class: 'stop' }, name, ' ', t('could not be rendered, so nothing was stored'));
  const steps = [
    [
      t('stored'),
      reader.revision ? t('revision {n}', { n: reader.revision }) : t('deleted since'),
      true,
    ],
    [
      t('delivered'),
      reader.quiet
        ? h('span', {}, t('in quiet hours, without a toast'), ', ', told(reader.live))
        : told(reader.live),
      reader.live.how === 'pushed',
    ],
    [t('seen'), when(reader.seen_at), Boolean(reader.seen_at)],
    [t('read'), when(reader.read_at), Boolean(reader.read_at)],
    [t('clicked'), when(reader.clicked_at), Boolean(reader.clicked_at)],
  ];
  return h(
    'li',
    {},
    h(
      'div',
      { class: 'bar' },
      name,
      reader.variant ? h('span', { class: 'badge' }, reader.variant) : null,
      h('span', { class: 'muted' }, reader.message ?? ''),
      h('a', { href: `#deliveries/notification=${reader.notification_id}` }, t('Deliveries')),
    ),
    h(
      'ol',
      { class: 'steps' },
      ...steps.map(([step, how, done]) =>
        h('li', { class: done ? 'done' : '' }, h('strong', {}, step), h('small', {}, how || '–')),
      ),
    ),
  );
}

/**
 * Returns the types of the events that had no recipient, by their codes.
 * @param {any[]} traces
 * @returns {Promise<Map<string, any>>}
 */
export async function typesOf(traces) {
  if (!traces.some(({ reason }) => reason?.code === 'no_recipient')) return new Map();
  const { types } = await get('types');
  return new Map(types.map((/** @type {any} */ type) => [type.code, type]));
}

/**
 * Returns who is missing for a type without recipients; null for a target that needs no one in the
 * directory.
 * @param {any} type
 */
function missing(type) {
  const role = type?.target_type === 'ADMIN' ? 'admin' : type?.target_role;
  if (role) return t('nobody in the directory has the role {role}', { role });
  return type?.target_type === 'ALL' ? t('the directory has no users') : null;
}

/**
 * Returns why an event made no notification, with its remedy.
 * @param {any} trace
 * @param {Map<string, any>} types
 */
function reasonOf({ reason, code: type }, types) {
  const { code, detail, params, message } = reason;
  const known = code === 'no_recipient' ? missing(types.get(type)) : null;
  const text = known ?? eventReason(detail, code, params, message);
  const end = /[?.]$/.test(text) ? '' : '.';
  const line = h('p', {}, h('strong', { class: 'code' }, code), `: ${text}${end}`);
  if (code !== 'no_type' || !type) return line;
  return h('div', { class: 'stack' }, line, h('div', {}, createLink(type, params?.suggestion)));
}

/**
 * Returns the data of an event, loaded when they are opened; null for one without notifications.
 * @param {any} trace
 */
function dataOf({ code, recipients }) {
  const reached = recipients.find((/** @type {any} */ one) => one.notification_id);
  if (!reached || !code) return null;
  const place = h('div', { class: 'stack' });
  const load = async () => {
    const path = `/api/v1/admin/types/${encodeURIComponent(code)}/preview`;
    const { json } = await call('POST', path, { body: { event: reached.notification_id } });
    place.replaceChildren(h('pre', { tabIndex: 0 }, JSON.stringify(json.data, null, 2)));
  };
  const element = h('details', {}, h('summary', {}, t('Data of the event')), place);
  element.ontoggle = () => {
    if (element.open && !place.firstChild) void runAction(load);
  };
  return element;
}

/**
 * Returns the card of an event's delivery trace.
 * @param {any} trace
 * @param {Map<string, any>} [types]  Types of events without recipients.
 */
export function traceCard(trace, types = new Map()) {
  const good = trace.outcome === 'accepted';
  return h(
    'article',
    { class: 'card stack', 'aria-label': trace.event_id },
    h(
      'div',
      { class: 'bar' },
      badge(trace.outcome),
      trace.code ? h('strong', { class: 'code' }, trace.code) : null,
      h(
        'a',
        { href: `#explain/${encodeURIComponent(trace.event_id)}`, class: 'code' },
        trace.event_id,
      ),
      when(trace.received_at),
      h(
        'span',
        { class: 'muted' },
        t('by {who}', { who: [trace.source, trace.publisher].filter(Boolean).join(', ') }),
      ),
    ),
    trace.reason ? reasonOf(trace, types) : null,
    good
      ? h(
          'p',
          { class: 'muted' },
          t('Stored for {reached}, muted by {muted}.', {
            reached: trace.reached_count,
            muted: trace.muted_count,
          }),
          trace.failed_count
            ? ` ${t('Could not be rendered for {n}.', { n: trace.failed_count })}`
            : '',
        )
      : null,
    trace.recipients.length
      ? h('ul', { class: 'recipients' }, ...trace.recipients.map(reached))
      : null,
    dataOf(trace),
  );
}

/**
 * Returns a note about how many events the hub remembers.
 * @param {any} kept
 */
export function memoryNote(kept) {
  if (kept.days > 0) return h('p', { class: 'muted' }, keptNote(kept));
  return h(
    'p',
    { class: 'muted' },
    kept.events
      ? t('This hub ({hub}) remembers its last {events} events, for {minutes} minutes.', {
          hub: kept.instance,
          events: kept.events,
          minutes: kept.minutes,
        })
      : t('This hub does not remember events: [explain] is off.'),
  );
}
