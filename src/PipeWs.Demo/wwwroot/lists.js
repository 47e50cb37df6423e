// Lists that change many times a second: rows are made once and filled again.

import { amount, make, quantity, setText, time } from './format.js';

/** One side of the order book, with bars as wide as the sums. */
export class Ladder {
  #rows = [];
  #downward;

  constructor(list, count, downward) {
    this.#downward = downward;
    for (let i = 0; i < count; i++) {
      const bar = make('i');
      const price = make('span', 'p');
      const size = make('span');
      const sum = make('span', 'sum');
      const row = make('li', '', '', bar, price, size, sum);
      bar.setAttribute('aria-hidden', 'true');
      list.append(row);
      this.#rows.push({ bar, price, size, sum });
    }
  }

  get count() {
    return this.#rows.length;
  }

  show(levels, widest) {
    for (let i = 0; i < this.#rows.length; i++) {
      // The asks' best is at the bottom, beside the bids' best.
      const row = this.#rows[this.#downward ? i : this.#rows.length - 1 - i];
      const level = levels[i];
      setText(row.price, level ? amount(level.price, 2) : '');
      setText(row.size, level ? amount(level.size, 4) : '');
      setText(row.sum, level ? amount(level.sum, 3) : '');
      row.bar.style.transform = `scaleX(${level ? level.sum / widest : 0})`;
    }
  }
}

/** The newest trades. */
export class Tape {
  #rows = [];

  constructor(list, count) {
    for (let i = 0; i < count; i++) {
      const row = { price: make('span'), size: make('span'), time: make('span') };
      list.append(make('li', '', '', row.price, row.size, row.time));
      this.#rows.push(row);
    }
  }

  show(trades) {
    this.#rows.forEach((row, i) => {
      const trade = trades[i];
      row.price.className = trade ? (trade.side === 'buy' ? 'up' : 'down') : '';
      setText(row.price, trade ? amount(trade.price, 2) : '');
      setText(row.size, trade ? quantity(trade.size) : '');
      setText(row.time, trade ? time(trade.time) : '');
    });
  }
}

/** A log of what happened, the newest first. */
export class Log {
  #list;
  #limit;
  #testId;

  constructor(list, testId, limit = 100) {
    this.#list = list;
    this.#testId = testId;
    this.#limit = limit;
  }

  add(kind, text, when, id) {
    const row = make('li', kind, '', make('b'), make('span', '', text), make('time', '', time(when)));
    row.dataset.testid = this.#testId;
    if (id !== undefined) {
      row.dataset.id = id;
    }
    this.#list.prepend(row);
    while (this.#list.children.length > this.#limit) {
      this.#list.lastChild.remove();
    }
    return row;
  }

  find(id) {
    return this.#list.querySelector(`[data-id="${CSS.escape(id)}"]`);
  }
}
