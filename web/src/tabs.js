/** How long whoever shows a notification first keeps others from it, in milliseconds. */
const CLAIM = 3_000;

/** What a tab that nobody looks at leaves to the others before it tries. */
const HIDDEN_WAITS = 200;

/**
 * The tabs of a browser that show one inbox. One of them leads: it holds the connection and tells the others what it hears.
 * When it closes, the browser gives its lock to the next.
 */
export class Tabs {
  /** @type {BroadcastChannel | null} */
  #channel = null;
  /** @type {string | null} */
  #name;
  #over = new AbortController();
  /** @type {() => void} */
  #release = () => {};
  leads = false;

  /**
   * @param {string | null} name  What the tabs have in common; without it this one is alone.
   * @param {() => void} lead     This tab leads from now on.
   * @param {(said: any) => void} hear  Another tab said something.
   */
  constructor(name, lead, hear) {
    this.#name = name;
    if (!name) {
      this.leads = true;
      // After the constructor of whoever makes this.
      queueMicrotask(() => this.#over.signal.aborted || lead());
      return;
    }
    this.#channel = new BroadcastChannel(name);
    this.#channel.onmessage = (event) => hear(event.data);
    const hold = () => new Promise((resolve) => {
      this.#release = () => resolve(undefined);
      if (this.#over.signal.aborted) return this.#release();
      this.leads = true;
      lead();
    });
    navigator.locks.request(name, { signal: this.#over.signal }, hold).catch(() => {
      // Given up while it waited.
    });
  }

  /** Says something to the others. @param {any} what */
  say(what) {
    this.#channel?.postMessage(what);
  }

  /**
   * Whether this tab is the one that makes a noise about something; a tab that somebody looks at comes first.
   * @param {string} what
   */
  async claims(what) {
    const name = this.#name;
    if (!name) return true;
    if (document.visibilityState !== 'visible') await new Promise((resolve) => setTimeout(resolve, HIDDEN_WAITS));
    return new Promise((resolve) => {
      void navigator.locks.request(`${name} ${what}`, { ifAvailable: true }, (lock) => {
        resolve(Boolean(lock));
        return lock ? new Promise((done) => setTimeout(done, CLAIM)) : undefined;
      });
    });
  }

  /** Lets another tab lead, and follows from now on. */
  yield() {
    this.leads = false;
    this.#release();
  }

  /** Leaves; another tab may lead. */
  close() {
    this.#over.abort();
    this.#release();
    this.#channel?.close();
    this.leads = false;
  }
}
