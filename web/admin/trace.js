import { keptNote } from './activity.js';
import { badge } from './badges.js';
import { h, when } from './dom.js';
import { eventReason } from './hub-text.js';
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
 * Returns why an event made no notification.
 * @param {any} reason
 */
function reasonOf({ code, detail, params, message }) {
  const text = eventReason(detail, code, params, message);
  const end = /[?.]$/.test(text) ? '' : '.';
  return h('p', {}, h('strong', { class: 'code' }, code), `: ${text}${end}`);
}

/**
 * Returns the card of an event's delivery trace.
 * @param {any} trace
 */
export function traceCard(trace) {
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
    trace.reason ? reasonOf(trace.reason) : null,
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
