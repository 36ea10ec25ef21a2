/** Number of actions of the reader that are under way. */
let running = 0;

/** Whether the reader has declined to sign in during these actions. */
let isDeclined = false;

/** Returns whether an action of the reader is under way, for which a sign-in may be asked. */
export const mayAsk = () => running > 0 && !isDeclined;

/** Notes that the reader does not want to sign in now: the same action does not ask again. */
export function decline() {
  isDeclined = true;
}

/**
 * Runs an action of the reader.
 * @template T
 * @param {() => Promise<T>} act
 * @returns {Promise<T>}
 */
export async function acting(act) {
  if (!running) isDeclined = false;
  running += 1;
  try {
    return await act();
  } finally {
    running -= 1;
  }
}
