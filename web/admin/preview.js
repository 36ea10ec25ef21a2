// Page of the preview: the real bell, with a connection that stays in this frame. The type editor
// sends the notification; nothing is stored, and nothing of the reader's own inbox is shown.

/**
 * What the frame shows.
 *
 * @typedef {object} Shown
 * @property {any} notification  Null shows an empty list.
 * @property {string} language
 * @property {string} theme  `auto`, `light` or `dark`.
 * @property {'list' | 'toast'} mode
 */

/** User of the preview. The name keeps it apart from the connections of other tabs. */
const USER = `preview-${crypto.randomUUID()}`;

const EPOCH = 'preview';

/** Pause in which the bell draws an empty list before the next notification arrives, in ms. */
const PAUSE = 30;

let revision = 0;
/** @type {any} */
let current = null;

/** Connections of the bell. @type {Set<PreviewSocket>} */
const sockets = new Set();

/** Counts of the inbox. */
const counts = () => ({
  epoch: EPOCH,
  revision,
  unread: current ? 1 : 0,
  unseen: current ? 1 : 0,
});

/** WebSocket that answers by itself. */
class PreviewSocket {
  static OPEN = 1;
  readyState = 0;
  /** @type {((event: any) => void) | null} */
  onopen = null;
  /** @type {((event: any) => void) | null} */
  onmessage = null;
  /** @type {((event: any) => void) | null} */
  onclose = null;

  constructor() {
    setTimeout(() => {
      this.readyState = PreviewSocket.OPEN;
      sockets.add(this);
      this.onopen?.({});
      this.receive({ type: 'connected', data: { ...counts(), heartbeat_seconds: 3600 } });
      if (current) this.receive({ type: 'notification.push', data: { ...counts(), ...current } });
    });
  }

  /** @param {any} message */
  receive(message) {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  /** @param {string} text */
  send(text) {
    if (JSON.parse(text).type !== 'sync.request') return;
    const data = current ? [current] : [];
    this.receive({ type: 'sync.response', data, ...counts(), complete: true });
  }

  close() {
    this.readyState = 3;
    sockets.delete(this);
  }
}

/** @param {string | URL | Request} address */
async function answer(address) {
  const { pathname } = new URL(String(address), location.origin);
  if (pathname.endsWith('/types')) return Response.json({ types: [], channels: [] });
  if (pathname.endsWith('/preferences'))
    return Response.json({ muted_types: [], channels: {}, quiet_hours: null });
  return Response.json({ ...counts(), items: current ? [current] : [], next_cursor: null });
}

Object.assign(globalThis, { WebSocket: PreviewSocket, fetch: answer });
// An open panel takes the focus, which belongs to the form of the editor.
HTMLElement.prototype.focus = () => {};
const component = '/lonceng.js';
await import(component);

/** @type {any} */
const bell = document.createElement('lonceng-bell');
bell.setAttribute('user-id', USER);

/** @param {Shown} shown */
async function show({ notification, language, theme, mode }) {
  document.documentElement.dataset.theme = theme;
  document.documentElement.lang = language;
  bell.setAttribute('lang', language);
  if (theme === 'auto') bell.removeAttribute('theme');
  else bell.setAttribute('theme', theme);
  if (!bell.isConnected) document.body.append(bell);
  if (mode === 'list') bell.open();
  else bell.close();
  // A notification with the same ID would not be drawn again.
  current = null;
  revision += 1;
  const forget = { type: 'reset', data: counts() };
  for (const socket of sockets) socket.receive(forget);
  await new Promise((resolve) => setTimeout(resolve, PAUSE));
  if (!notification) return;
  revision += 1;
  current = {
    status: 'unread',
    read: false,
    count: 1,
    created_at: new Date().toISOString(),
    ...notification,
    notification_id: crypto.randomUUID(),
    stream_id: `preview-${revision}`,
    revision,
  };
  const push = { type: 'notification.push', data: { ...counts(), ...current } };
  for (const socket of sockets) socket.receive(push);
}

/** Previews are shown one after the other. */
let busy = Promise.resolve();
addEventListener('message', ({ data, origin }) => {
  if (origin === location.origin && data?.mode) busy = busy.then(() => show(data));
});
parent.postMessage('ready', location.origin);

export {};
