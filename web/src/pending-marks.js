/**
 * @typedef {{ type: string, notification_id?: string, up_to_revision?: number, until?: string,
 *   action?: number }} MarkMessage
 */

/**
 * Marks without an acknowledgement: made offline, in flight, or lost with a connection. The last
 * one of each kind and notification counts.
 */
export class PendingMarks {
  /** @type {Map<string, MarkMessage>} */
  #marks = new Map();
  /**
   * Keys of the marks in flight on this tab's connection, in order.
   * @type {string[]}
   */
  #inFlight = [];

  /** @param {MarkMessage} message */
  static key({ type, notification_id }) {
    return `${type} ${notification_id ?? 'all'}`;
  }

  /** Pending marks, oldest first. A snooze that has ended meanwhile is a mark as unread. */
  get all() {
    const marks = [...this.#marks.values()].map((mark) =>
      mark.until && Date.parse(mark.until) <= Date.now()
        ? { type: 'notification.unread', notification_id: mark.notification_id }
        : mark,
    );
    this.#marks = new Map(marks.map((mark) => [PendingMarks.key(mark), mark]));
    return marks;
  }

  /**
   * Adds a mark, behind all others.
   * @param {MarkMessage} message
   */
  add(message) {
    const key = PendingMarks.key(message);
    // Read notifications are also seen.
    if (key === 'notification.read_all all') this.#marks.delete('notification.seen_all all');
    this.#marks.delete(key);
    this.#marks.set(key, message);
  }

  /**
   * Records that a mark was sent over this tab's connection.
   * @param {MarkMessage} message
   */
  sent(message) {
    this.#inFlight.push(PendingMarks.key(message));
  }

  /** Forgets what is in flight, with its connection. The marks stay pending. */
  connectionLost() {
    this.#inFlight = [];
  }

  /**
   * Removes the mark of an acknowledgement.
   * @param {any} ack  Message with the type `notification.….ack`.
   */
  acknowledge(ack) {
    const key = `${ack.type.slice(0, -'.ack'.length)} ${ack.data?.notification_id ?? 'all'}`;
    this.remove(key);
    if (this.#inFlight.includes(key)) this.#inFlight.splice(this.#inFlight.indexOf(key), 1);
  }

  /**
   * Removes the oldest mark in flight, which the hub has refused. Returns its key.
   *
   * The hub replies in order, so a refusal is about the oldest mark.
   */
  refuseOldest() {
    const key = this.#inFlight.shift();
    if (key) this.remove(key);
    return key;
  }

  /** @param {string} key */
  remove(key) {
    this.#marks.delete(key);
  }
}
