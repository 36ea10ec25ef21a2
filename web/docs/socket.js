import { announce, h, paragraphs, table } from './dom.js';
import { identity, identityQuery } from './identity.js';
import { messageEntry } from './operation.js';

/** Maximum number of lines that the console keeps. */
const LINES = 100;

/** Console on an open WebSocket. */
class SocketConsole {
  constructor() {
    this.address = h('input', { value: '/ws', spellcheck: false });
    this.text = h('textarea', { rows: 3, spellcheck: false, value: '{"type":"ping"}' });
    this.log = h('ol', { class: 'lines', 'aria-label': 'Messages', tabIndex: 0 });
    this.connectButton = h('button', { type: 'button', class: 'primary' }, 'Connect');
    this.sendButton = h('button', { type: 'button', disabled: true }, 'Send message');
    this.connectButton.addEventListener('click', () => this.toggle());
    this.sendButton.addEventListener('click', () => this.send());
    this.element = h(
      'div',
      { class: 'request' },
      h('label', {}, h('span', {}, 'Address'), this.address),
      h('div', { class: 'row' }, this.connectButton),
      h('label', {}, h('span', {}, 'Message'), this.text),
      h('div', { class: 'row' }, this.sendButton),
      this.log,
    );
  }

  toggle() {
    if (this.socket) return this.socket.close(1000);
    const url = new URL(this.address.value, location.href);
    url.protocol = url.protocol.replace('http', 'ws');
    for (const [name, value] of identityQuery()) url.searchParams.set(name, value);
    const { kind, token } = identity();
    if (kind === 'token' && token) url.searchParams.set('token', token);
    const socket = new WebSocket(url, 'lonceng.v1');
    this.socket = socket;
    this.connectButton.textContent = 'Disconnect';
    socket.onopen = () => {
      this.sendButton.disabled = false;
      this.line('•', 'Connected.');
    };
    socket.onmessage = ({ data }) => this.line('↓', data);
    socket.onclose = ({ code, reason }) => {
      this.socket = undefined;
      this.sendButton.disabled = true;
      this.connectButton.textContent = 'Connect';
      this.line('•', `Closed: ${code} ${reason}`);
    };
  }

  send() {
    this.socket?.send(this.text.value);
    this.line('↑', this.text.value);
  }

  /**
   * @param {string} direction
   * @param {string} text
   */
  line(direction, text) {
    const words = { '↓': 'From the hub', '↑': 'To the hub', '•': 'Connection' };
    const name = words[/** @type {'↓'} */ (direction)];
    this.log.prepend(
      h(
        'li',
        {},
        h('span', { 'aria-hidden': 'true' }, direction),
        h('span', { class: 'outside' }, name),
        h('code', {}, text),
      ),
    );
    while (this.log.children.length > LINES) this.log.lastElementChild.remove();
    if (direction !== '↑') announce(text.slice(0, 120));
  }
}

/**
 * Returns the section of the WebSocket and its entries.
 * @param {import('./model.js').Model} model
 */
export function socketSection({ socket, fromHub, toHub }) {
  const entries = (/** @type {import('./model.js').Message[]} */ messages) =>
    messages.map((message) => messageEntry(socket, message));
  const [from, to] = [entries(fromHub), entries(toHub)];
  const channels = Object.values(socket.channels).map((channel) => [
    h('code', {}, channel.address),
    channel.description ?? 'The inbox of the user who is signed in.',
  ]);
  return {
    entries: [...from, ...to],
    parts: [
      ...paragraphs(socket.info.description),
      table(['Address', 'Purpose'], channels),
      h('h3', {}, 'Try it'),
      new SocketConsole().element,
      h('h3', {}, 'From the hub'),
      ...from.map((entry) => entry.article),
      h('h3', {}, 'To the hub'),
      ...to.map((entry) => entry.article),
    ],
  };
}
