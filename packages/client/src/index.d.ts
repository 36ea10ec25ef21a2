import { connect, connectFeed } from './lonceng.js';

export * from './lonceng.js';

/** Address of the hub, and identity of the user. */
export type Options = Parameters<typeof connect>[0];

/** Address of the hub, identity of the user, and subscription to a feed. */
export type FeedOptions = Parameters<typeof connectFeed>[0];
