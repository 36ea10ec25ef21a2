// Stand-ins for what the component uses of a browser, under the control of a test.

/** WebSocket that records what is sent, and is opened and closed by the test. */
export class FakeSocket {
  static OPEN = 1;
  /** @type {FakeSocket[]} */
  static all = [];
  readyState = 0;
  sent = [];

  constructor(url, protocols) {
    this.url = String(url);
    this.protocols = protocols;
    FakeSocket.all.push(this);
  }

  static get last() {
    return FakeSocket.all.at(-1);
  }

  open() {
    this.readyState = FakeSocket.OPEN;
    this.onopen?.();
  }

  receive(message) {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  /** The hub, or the network, ends the connection. */
  end(code) {
    this.readyState = 3;
    this.onclose?.({ code });
  }

  close(code) {
    this.readyState = 3;
    this.closedWith = code;
  }
}

/** Lock manager: one holder of each name, others wait in order. */
class FakeLocks {
  #held = new Map();

  async request(name, options, callback) {
    if (options.ifAvailable && this.#held.has(name)) return callback(null);
    const before = this.#held.get(name);
    let release;
    const held = new Promise((resolve) => (release = resolve));
    const tail = before ? before.then(() => held) : held;
    this.#held.set(name, tail);
    await before;
    if (options.signal?.aborted) {
      release();
      throw options.signal.reason;
    }
    try {
      return await callback({ name });
    } finally {
      if (this.#held.get(name) === tail) this.#held.delete(name);
      release();
    }
  }
}

/** Channel between the tabs of a test; messages arrive in the next microtask. */
class FakeChannel {
  static #all = new Set();

  constructor(name) {
    this.name = name;
    FakeChannel.#all.add(this);
  }

  postMessage(data) {
    if (!FakeChannel.#all.has(this)) throw new DOMException('closed', 'InvalidStateError');
    for (const other of FakeChannel.#all) {
      if (other !== this && other.name === this.name)
        queueMicrotask(() => other.onmessage?.({ data: structuredClone(data) }));
    }
  }

  close() {
    FakeChannel.#all.delete(this);
  }
}

/** Installs the stand-ins. Returns the parts that a test changes. */
export function installBrowser() {
  const windowTarget = new EventTarget();
  const document = Object.assign(new EventTarget(), { visibilityState: 'visible' });
  const navigator = { onLine: true, language: 'en-US', locks: new FakeLocks() };
  FakeSocket.all = [];
  const globals = {
    document,
    navigator,
    location: { origin: 'https://page.example', href: 'https://page.example/' },
    WebSocket: FakeSocket,
    BroadcastChannel: FakeChannel,
    addEventListener: windowTarget.addEventListener.bind(windowTarget),
    removeEventListener: windowTarget.removeEventListener.bind(windowTarget),
  };
  for (const [name, value] of Object.entries(globals))
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  return { document, navigator, window: windowTarget };
}

/** Lets promises settle without time passing. */
export async function settle() {
  for (let i = 0; i < 20; i += 1) await Promise.resolve();
}
