// Push service for tests: `web-push-testing`, which checks VAPID and decrypts what it receives.
import http from 'node:http';
import { PushApiModel } from 'web-push-testing/src/PushApiModel.js';
import WebPushTestingServer from 'web-push-testing/src/server.js';
import { freePort } from './harness.mjs';

/** A push service with a port of its own. */
export class PushService {
  static async start() {
    const service = new PushService();
    const port = await freePort();
    // Its own start listens on every address.
    const endpoints = new WebPushTestingServer(new PushApiModel(), port);
    endpoints.setRequestHandlers();
    service.base = `http://localhost:${port}`;
    service.server = http.createServer(endpoints._app);
    await new Promise((listening) => service.server.listen(port, 'localhost', listening));
    return service;
  }

  async #call(path, body) {
    const response = await fetch(this.base + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(JSON.stringify(answer));
    return answer.data;
  }

  /** Subscribes a browser. Returns its `PushSubscription` as JSON, and the ID of its messages. */
  async subscribe(applicationServerKey) {
    const { clientHash, ...subscription } = await this.#call('/subscribe', {
      userVisibleOnly: 'true',
      applicationServerKey,
    });
    return { id: clientHash, subscription: { ...subscription, expirationTime: null } };
  }

  /** Returns the decrypted messages of a browser, oldest first. */
  async messages(id) {
    const { messages } = await this.#call('/get-notifications', { clientHash: id });
    return messages.map((message) => JSON.parse(message));
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((closed) => this.server.close(closed));
  }
}
