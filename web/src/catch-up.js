/** Delay before what the hub could not take is sent again, in milliseconds. */
const RETRY_AFTER = 3_000;

/** Time after which an unanswered request of changes may be repeated, in milliseconds. */
const TIMEOUT = 5_000;

/** Requests of missing changes, one at a time, and the retry of what the hub could not take. */
export class CatchUp {
  #ask;
  #retry;
  /** True while a request waits for its answer. */
  #asked = false;
  /** True while changes are missing. */
  #behind = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {() => void} ask  Requests missing changes.
   * @param {() => void} retry  Sends marks again.
   */
  constructor(ask, retry) {
    this.#ask = ask;
    this.#retry = retry;
  }

  /** Requests missing changes. */
  request() {
    this.#behind = true;
    if (this.#asked) return;
    this.#asked = true;
    // The tab that was asked may be closed.
    setTimeout(() => (this.#asked = false), TIMEOUT);
    this.#ask();
  }

  /** Called when nothing is missing any more. */
  done() {
    this.#asked = this.#behind = false;
  }

  /** Called when the hub replies with an error, which may be about the request. */
  failed() {
    this.#asked = false;
  }

  /** Sends again what the hub could not take: once, however many errors it has replied. */
  retryLater() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#retry();
      if (this.#behind) this.request();
    }, RETRY_AFTER);
  }

  /** Ends it, until the next connection. */
  close() {
    clearTimeout(this.#timer);
    this.done();
  }
}
