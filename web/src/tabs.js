/** Time for which a claim excludes other tabs, in milliseconds. */
const CLAIM_TIME = 3_000;

/** Delay before a hidden tab claims, in milliseconds: visible tabs come first. */
const HIDDEN_DELAY = 200;

/**
 * Tabs of a browser that show one inbox. One of them leads: it holds the connection, and broadcasts
 * what it receives. When it closes, the browser gives its lock to the next tab.
 */
export class Tabs {
  /** @type {BroadcastChannel | null} */
  #channel = null;
  /** @type {string | null} */
  #name;
  #abort = new AbortController();
  /** @type {() => void} */
  #lead;
  /** @type {() => void} */
  #release = () => {};
  leads = false;

  /**
   * @param {string | null} name  Name that the tabs share; null for a tab of its own.
   * @param {() => void} lead  Called when this tab becomes the leader.
   * @param {(said: any) => void} receive  Called with a message of another tab.
   */
  constructor(name, lead, receive) {
    this.#name = name;
    this.#lead = lead;
    if (name) {
      this.#channel = new BroadcastChannel(name);
      this.#channel.onmessage = (event) => receive(event.data);
    }
    this.queue();
  }

  /** Leads when no other tab does. To be called again after `yield`. */
  queue() {
    const { signal } = this.#abort;
    if (!this.#name) {
      this.leads = true;
      // After the caller's constructor.
      queueMicrotask(() => signal.aborted || this.#lead());
      return;
    }
    const hold = () =>
      new Promise((resolve) => {
        this.#release = () => resolve(undefined);
        if (signal.aborted) return this.#release();
        this.leads = true;
        this.#lead();
      });
    navigator.locks.request(this.#name, { signal }, hold).catch(() => {
      // Closed before it became the leader.
    });
  }

  /**
   * Broadcasts a message to the other tabs.
   * @param {any} message
   */
  send(message) {
    this.#channel?.postMessage(message);
  }

  /**
   * Claims a key for a short time. Returns true in one tab only; a visible tab comes first.
   * @param {string} key
   */
  async claims(key) {
    const name = this.#name;
    if (!name) return true;
    if (document.visibilityState !== 'visible')
      await new Promise((resolve) => setTimeout(resolve, HIDDEN_DELAY));
    return new Promise((resolve) => {
      void navigator.locks.request(`${name} ${key}`, { ifAvailable: true }, (lock) => {
        resolve(Boolean(lock));
        return lock ? new Promise((done) => setTimeout(done, CLAIM_TIME)) : undefined;
      });
    });
  }

  /** Gives up the lead to another tab. */
  yield() {
    this.leads = false;
    this.#release();
  }

  /** Leaves the group of tabs. */
  close() {
    this.#abort.abort();
    this.#release();
    this.#channel?.close();
    this.leads = false;
  }
}
