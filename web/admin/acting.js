/** Number of actions of the reader that are under way. */
let running = 0;

/** Returns whether an action of the reader is under way. */
export const isActing = () => running > 0;

/**
 * Runs an action of the reader.
 * @template T
 * @param {() => Promise<T>} act
 * @returns {Promise<T>}
 */
export async function acting(act) {
  running += 1;
  try {
    return await act();
  } finally {
    running -= 1;
  }
}
