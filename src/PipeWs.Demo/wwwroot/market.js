// What the page knows of one symbol, kept current by its three topics.

const keptTrades = 60;
const keptSeconds = 620;
const slotMilliseconds = 250;

export class Market {
  ticker = null;
  price = null;
  move = '';
  movedAt = 0;
  trades = [];
  tradeCount = 0;
  /** The chart's points, oldest first: `{ at, price }`, one for each quarter of a second in which anything happened. */
  points = [];
  book;
  /** What has to be painted again. */
  dirty = { price: true, book: true, trades: true };

  constructor(symbol, desk) {
    this.symbol = symbol.symbol;
    this.base = symbol.base;
    this.quote = symbol.quote;
    this.book = new Book(this.symbol, desk, () => { this.dirty.book = true; });
    const [ticker, match, level2] = symbol.topics;
    desk.subscribe(ticker, data => this.#takeTicker(data));
    desk.subscribe(match, data => this.#takeMatch(data));
    desk.subscribe(level2, data => this.book.take(data), () => this.book.restart());
    if (symbol.price !== undefined) {
      this.#setPrice(symbol.price);
    }
  }

  /** Puts the time before the page was opened into the chart: `[age in milliseconds, price]`, oldest first. */
  prefill(points) {
    const now = performance.now();
    const first = this.points[0]?.at ?? now;
    const earlier = points.map(([age, price]) => ({ at: now - age, price: Number(price) })).filter(point => point.at < first);
    this.points = [...earlier, ...this.points];
  }

  #takeTicker(data) {
    this.ticker = data;
    if (data.price !== undefined) {
      this.#setPrice(data.price);
    }
    this.dirty.price = true;
  }

  #takeMatch(data) {
    this.trades.unshift(data);
    this.tradeCount++;
    if (this.trades.length > keptTrades) {
      this.trades.length = keptTrades;
    }
    this.dirty.trades = true;
    this.#setPrice(data.price);
  }

  #setPrice(text) {
    const price = Number(text);
    if (this.price !== null && price !== Number(this.price)) {
      this.move = price > Number(this.price) ? 'up' : 'down';
      this.movedAt = performance.now();
    }
    this.price = text;
    this.dirty.price = true;
    const at = performance.now();
    const last = this.points.at(-1);
    if (last && at - last.slot < slotMilliseconds) {
      last.at = at;
      last.price = price;
    } else {
      this.points.push({ at, price, slot: at });
      while (this.points[0].at < at - keptSeconds * 1000) {
        this.points.shift();
      }
    }
  }
}

/** An order book from the desk's snapshot and the changes that follow it, by the exchange's ids. */
class Book {
  synced = false;
  #symbol;
  #desk;
  #changed;
  #bids = new Map();
  #asks = new Map();
  #waiting = [];
  #sequence = 0;
  #round = null;
  #asking = false;
  #retry = 0;

  constructor(symbol, desk, changed) {
    this.#symbol = symbol;
    this.#desk = desk;
    this.#changed = changed;
    // What was asked for when a connection was lost is asked for again on the next, whose topics may go on as if nothing had been.
    desk.addEventListener('open', () => this.synced || this.#ask());
  }

  take(change) {
    if (this.#round !== null && change.round !== this.#round) {
      this.#waiting = [];
      this.restart();
    }
    this.#round = change.round;
    if (!this.synced) {
      this.#waiting.push(change);
      return;
    }
    this.#apply(change);
  }

  /** Forgets the book, and asks for it anew. */
  restart() {
    this.synced = false;
    this.#bids.clear();
    this.#asks.clear();
    this.#changed();
    this.#ask();
  }

  /** The best levels of a side, the best first, with running sums: `{ price, size, sum }`. */
  best(side, count) {
    const levels = side === 'bids' ? [...this.#bids.values()].sort((a, b) => b.value - a.value) : [...this.#asks.values()].sort((a, b) => a.value - b.value);
    let sum = 0;
    return levels.slice(0, count).map(level => ({ price: level.price, value: level.value, size: level.size, sum: (sum += Number(level.size)) }));
  }

  async #ask() {
    if (this.#asking) {
      return;
    }
    this.#asking = true;
    clearTimeout(this.#retry);
    try {
      const { data } = await this.#desk.ask('get_book', { symbol: this.#symbol, depth: 1000 });
      this.#asking = false;
      this.#begin(data);
    } catch {
      // The book is waiting for its own snapshot at the start of a round; or the connection is gone, and the next one asks again.
      this.#asking = false;
      if (this.#desk.isOpen) {
        this.#retry = setTimeout(() => this.#ask(), 300);
      }
    }
  }

  #begin(snapshot) {
    this.#bids.clear();
    this.#asks.clear();
    this.#set(this.#bids, snapshot.bids);
    this.#set(this.#asks, snapshot.asks);
    this.#sequence = snapshot.sequence;
    this.synced = true;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const change of waiting) {
      if (this.synced) {
        this.#apply(change);
      }
    }
    this.#changed();
  }

  #apply(change) {
    if (change.sequenceEnd <= this.#sequence) {
      return;
    }
    if (change.sequenceStart > this.#sequence + 1) {
      this.#waiting = [change];
      this.restart();
      return;
    }
    this.#set(this.#bids, change.changes.bids);
    this.#set(this.#asks, change.changes.asks);
    this.#sequence = change.sequenceEnd;
    this.#changed();
  }

  #set(side, levels) {
    for (const [price, size] of levels) {
      if (Number(size) === 0) {
        side.delete(price);
      } else {
        side.set(price, { price, value: Number(price), size });
      }
    }
  }
}
