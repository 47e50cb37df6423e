// The desk's socket: it comes back by itself, resumes its topics where it left off, and says what it missed.

const firstDelay = 500;
const longestDelay = 15_000;
const requestTimeout = 10_000;
const welcomeTimeout = 10_000;

export class DeskConnection extends EventTarget {
  #url;
  #login;
  #dials = 0;
  #refresher = 0;
  #socket = null;
  #attempt = 0;
  #nextId = 1;
  #timer = 0;
  #opening = 0;
  #pinger = 0;
  #lastHeard = 0;
  #topics = new Map();
  #pending = new Map();
  #stopped = false;
  #welcomed = false;

  /** Messages received since the page was opened. */
  received = 0;

  /** Messages that were announced as not sent, or found missing. */
  missed = 0;

  /** `login` gives tokens: see login.js. */
  constructor(url, login) {
    super();
    this.#url = url;
    this.#login = login;
    addEventListener('online', () => this.#retryNow());
    document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && this.#retryNow());
  }

  get isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  open() {
    this.#stopped = false;
    this.#dial();
  }

  /** Goes on as another user. */
  moveTo(login) {
    this.#login = login;
    this.#attempt = 0;
    if (this.#socket) {
      this.#socket.close(1000, 'moving');
    } else {
      this.#retryNow();
    }
  }

  /** Keeps a topic subscribed from now on; `take(message)` gets its messages, `restart()` is called where the thread was lost. */
  subscribe(topic, take, restart = () => {}) {
    this.#topics.set(topic, { take, restart, epoch: null, sn: null });
    if (this.isOpen) {
      this.#join(topic);
    }
  }

  /** Asks for something, and gives the answer's type and data. */
  ask(action, data) {
    if (!this.isOpen) {
      return Promise.reject(new Error('Not connected. Try again in a moment.'));
    }
    const id = String(this.#nextId++);
    return new Promise((resolve, reject) => {
      const timeout = setTimeout(() => this.#settle(id, pending => pending.reject(new Error('The desk did not answer in time.'))), requestTimeout);
      this.#pending.set(id, { resolve, reject, timeout });
      this.#send(data === undefined ? { id, action } : { id, action, data });
    });
  }

  async #dial() {
    this.#tell('connecting', this.#attempt === 0 ? 'Connecting' : 'Reconnecting');
    const dial = ++this.#dials;
    const login = this.#login;
    let token;
    try {
      token = await login.token();
    } catch {
      // The desk is away: the socket could not be opened either.
    }
    if (dial !== this.#dials) {
      return;
    }
    if (!token) {
      this.#lost({ code: 1006, reason: 'no log-in' });
      return;
    }
    // A browser can set no header, and an address is written into logs: the token goes as a subprotocol beside the one that is spoken.
    const socket = new WebSocket(this.#url, ['json', `bearer.${token}`]);
    this.#socket = socket;
    this.#opening = setTimeout(() => this.#drop('no answer'), welcomeTimeout);
    socket.onmessage = event => this.#socket === socket && this.#take(event.data);
    socket.onclose = event => {
      if (this.#socket === socket) {
        if (!this.#welcomed) {
          // Refused, perhaps for the token: the desk may have been started anew, with a key of its own.
          login.forget();
        }
        this.#lost(event);
      }
    };
  }

  // The token is renewed in good time, and the connection with all its topics stays.
  #startRefresh() {
    clearTimeout(this.#refresher);
    const login = this.#login;
    const refresh = async () => {
      try {
        const token = await login.renew();
        if (login === this.#login) {
          await this.ask('auth', { token });
          this.#startRefresh();
        }
      } catch {
        // It lasts a little longer: another try may go better, and otherwise the desk ends the connection and a new one begins.
        this.#refresher = setTimeout(refresh, 1_000);
      }
    };
    this.#refresher = setTimeout(refresh, login.renewInMilliseconds);
  }

  // A socket that says nothing is as good as closed; the browser may not notice for minutes.
  #drop(reason) {
    const socket = this.#socket;
    socket.onclose = null;
    socket.close();
    this.#lost({ code: 1006, reason });
  }

  #lost(event) {
    this.#socket = null;
    this.#welcomed = false;
    clearTimeout(this.#opening);
    clearInterval(this.#pinger);
    clearTimeout(this.#refresher);
    for (const id of [...this.#pending.keys()]) {
      this.#settle(id, pending => pending.reject(new Error('The connection was lost before the answer came.')));
    }
    this.dispatchEvent(new CustomEvent('lost', { detail: { code: event.code, reason: event.reason } }));
    if (!this.#stopped) {
      this.#wait();
    }
  }

  // Exponential backoff with full jitter: a thousand pages that lost the same server do not come back at once.
  #wait() {
    const ceiling = Math.min(longestDelay, firstDelay * 2 ** this.#attempt++);
    const due = performance.now() + (this.#attempt === 1 ? Math.random() * 250 : Math.random() * ceiling);
    const tick = () => {
      const left = due - performance.now();
      if (left <= 0) {
        this.#dial();
        return;
      }
      const offline = navigator.onLine === false;
      this.#tell('offline', offline ? 'Offline' : left > 950 ? `Retry in ${Math.ceil(left / 1000)} s` : 'Reconnecting');
      this.#timer = setTimeout(tick, Math.min(left, 500));
    };
    tick();
  }

  #retryNow() {
    if (!this.#socket && !this.#stopped) {
      clearTimeout(this.#timer);
      this.#dial();
    }
  }

  #take(text) {
    this.received++;
    this.#lastHeard = performance.now();
    const message = JSON.parse(text);
    switch (message.type) {
      case 'message': this.#takeTopic(message); break;
      case 'welcome': this.#welcome(message); break;
      case 'gap': this.#takeGap(message); break;
      case 'pong': this.#settle(message.id, pending => pending.resolve(message)); break;
      case 'error': this.#takeError(message); break;
      default:
        if (!this.#settle(message.id, pending => pending.resolve(message))) {
          this.dispatchEvent(new CustomEvent('push', { detail: message }));
        }
    }
  }

  #welcome(message) {
    this.#attempt = 0;
    this.#welcomed = true;
    clearTimeout(this.#opening);
    this.#startRefresh();
    this.#tell('connected', 'Connected');
    for (const topic of this.#topics.keys()) {
      this.#join(topic);
    }
    this.dispatchEvent(new Event('open'));
    this.#startPings(message.pingInterval ?? 18_000, message.pingTimeout ?? 10_000);
  }

  #join(topic) {
    const state = this.#topics.get(topic);
    const id = String(this.#nextId++);
    // Without a number there is nothing to go on from: nothing has come yet.
    const since = state.epoch && state.sn !== null ? { epoch: state.epoch, sn: state.sn } : 'last';
    this.#pending.set(id, {
      timeout: 0,
      reject: () => {},
      resolve: answer => {
        if (answer.type === 'error') {
          return;
        }
        const resumed = state.epoch !== null && answer.recovered === true;
        if (state.epoch !== null && answer.recovered === false) {
          this.#report(topic, answer.reason ?? 'not resumed', answer.epoch === state.epoch ? answer.sn - state.sn : 0);
        }
        if (!resumed) {
          // What was missed has been told of by now, and what follows begins behind the log's head; "last" begins with the newest message instead.
          state.sn = answer.recovered === false ? answer.sn : null;
          state.epoch = answer.epoch;
          state.restart();
        }
      },
    });
    this.#send({ id, type: 'subscribe', topic, response: true, since });
  }

  #takeTopic(message) {
    const state = this.#topics.get(message.topic);
    if (!state) {
      return;
    }
    if (state.sn !== null && message.sn <= state.sn) {
      return;
    }
    if (state.sn !== null && message.sn > state.sn + 1) {
      this.#report(message.topic, 'missing without a word', message.sn - state.sn - 1);
      state.restart();
    }
    state.sn = message.sn;
    state.take(message.data);
  }

  #takeGap(message) {
    this.#report(message.topic, message.reason, message.to - message.from + 1);
    const state = this.#topics.get(message.topic);
    if (state) {
      state.sn = Math.max(state.sn ?? 0, message.to);
      state.restart();
    }
  }

  #takeError(message) {
    const settled = this.#settle(message.id, pending => pending.reject(Object.assign(new Error(message.data), { code: message.code })));
    if (!settled) {
      this.dispatchEvent(new CustomEvent('push', { detail: message }));
    }
  }

  #report(topic, reason, count) {
    this.missed += Math.max(0, count);
    this.dispatchEvent(new CustomEvent('gap', { detail: { topic, reason, count } }));
  }

  #startPings(interval, timeout) {
    clearInterval(this.#pinger);
    const ping = () => {
      if (performance.now() - this.#lastHeard > interval + timeout) {
        this.#drop('silent');
        return;
      }
      const id = String(this.#nextId++);
      const sent = performance.now();
      this.#pending.set(id, {
        timeout: 0,
        reject: () => {},
        resolve: () => this.dispatchEvent(new CustomEvent('roundtrip', { detail: performance.now() - sent })),
      });
      this.#send({ id, type: 'ping' });
    };
    ping();
    this.#pinger = setInterval(ping, Math.min(interval, 5_000));
  }

  #settle(id, use) {
    const pending = id === undefined ? undefined : this.#pending.get(id);
    if (!pending) {
      return false;
    }
    this.#pending.delete(id);
    clearTimeout(pending.timeout);
    use(pending);
    return true;
  }

  #send(message) {
    if (this.isOpen) {
      this.#socket.send(JSON.stringify(message));
    }
  }

  #tell(state, text) {
    this.dispatchEvent(new CustomEvent('state', { detail: { state, text } }));
  }
}
