// The moving price chart: a line on a canvas, as sharp as the screen, that glides with the clock.

import { amount, time } from './format.js';

const colours = ['up', 'down', 'accent', 'line', 'muted', 'panel', 'text'];
const still = matchMedia('(prefers-reduced-motion: reduce)');

export class Chart {
  span = 180;
  #canvas;
  #context;
  #probe;
  #theme = {};
  #width = 0;
  #height = 0;
  #low = null;
  #high = null;
  #pointer = null;
  #symbol = '';

  constructor(canvas) {
    this.#canvas = canvas;
    this.#context = canvas.getContext('2d');
    this.#probe = canvas.parentElement.appendChild(document.createElement('i'));
    this.#probe.hidden = true;
    new ResizeObserver(() => this.#resize()).observe(canvas);
    canvas.addEventListener('pointermove', event => { this.#pointer = { x: event.offsetX, y: event.offsetY }; });
    canvas.addEventListener('pointerleave', () => { this.#pointer = null; });
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.readTheme());
    this.readTheme();
    this.#resize();
  }

  /** Looks the colours up anew. */
  readTheme() {
    for (const name of colours) {
      this.#probe.style.color = `var(--${name})`;
      this.#theme[name] = getComputedStyle(this.#probe).color;
    }
    this.#theme.font = getComputedStyle(document.documentElement).getPropertyValue('--mono');
  }

  /** Draws a market as it is now, with lines at a position's prices: `{ price, text, colour }`. */
  draw(market, marks, now) {
    if (this.#width === 0) {
      return;
    }
    if (market.symbol !== this.#symbol) {
      this.#symbol = market.symbol;
      this.#low = null;
    }
    const context = this.#context;
    context.clearRect(0, 0, this.#width, this.#height);
    const from = now - this.span * 1000;
    const points = visible(market.points, from);
    if (points.length === 0) {
      this.#say('Waiting for the first price');
      return;
    }
    this.#scale(points, marks);
    const frame = { left: 0, right: this.#width - 76, top: 10, bottom: this.#height - 22 };
    const x = at => frame.left + ((at - from) / (this.span * 1000)) * (frame.right - frame.left);
    const y = price => frame.bottom - ((price - this.#low) / (this.#high - this.#low)) * (frame.bottom - frame.top);
    this.#grid(frame, y, from, now, x);
    this.#line(frame, points, now, x, y);
    for (const mark of marks) {
      this.#mark(frame, mark, y);
    }
    this.#last(frame, points, now, x, y);
    if (this.#pointer && this.#pointer.x < frame.right && this.#pointer.y < frame.bottom) {
      this.#cross(frame, points, x, y);
    }
  }

  #resize() {
    const ratio = devicePixelRatio || 1;
    this.#width = this.#canvas.clientWidth;
    this.#height = this.#canvas.clientHeight;
    this.#canvas.width = Math.round(this.#width * ratio);
    this.#canvas.height = Math.round(this.#height * ratio);
    this.#context.setTransform(ratio, 0, 0, ratio, 0, 0);
  }

  // The scale glides to where the prices need it, and never cuts them off.
  #scale(points, marks) {
    let low = Infinity, high = -Infinity;
    for (const point of points) {
      low = Math.min(low, point.price);
      high = Math.max(high, point.price);
    }
    const reach = Math.max(high - low, high * 0.0002);
    for (const { price } of marks) {
      if (price > low - reach && price < high + reach) {
        low = Math.min(low, price);
        high = Math.max(high, price);
      }
    }
    const margin = Math.max((high - low) * 0.12, high * 0.00004);
    low -= margin;
    high += margin;
    const ease = this.#low === null || still.matches ? 1 : 0.14;
    this.#low = this.#low === null ? low : this.#low + (low - this.#low) * ease;
    this.#high = this.#high === null ? high : this.#high + (high - this.#high) * ease;
  }

  #grid(frame, y, from, now, x) {
    const context = this.#context;
    context.font = `11px ${this.#theme.font}`;
    context.lineWidth = 1;
    context.strokeStyle = this.#theme.line;
    context.fillStyle = this.#theme.muted;
    context.textAlign = 'left';
    context.textBaseline = 'middle';
    const step = nice((this.#high - this.#low) / 6);
    const decimals = Math.max(0, Math.min(8, -Math.floor(Math.log10(step))));
    context.beginPath();
    for (let price = Math.ceil(this.#low / step) * step; price < this.#high; price += step) {
      const at = Math.round(y(price)) + 0.5;
      context.moveTo(frame.left, at);
      context.lineTo(frame.right, at);
      context.fillText(amount(price, decimals), frame.right + 8, at);
    }
    context.textAlign = 'center';
    context.textBaseline = 'top';
    const pixels = (frame.right - frame.left) / this.span;
    const tick = [5, 10, 15, 30, 60, 120, 300].find(seconds => seconds * pixels >= 78) ?? 600;
    const offset = Date.now() - now;
    const first = Math.ceil((from + offset) / 1000 / tick) * tick * 1000 - offset;
    for (let at = first; at < now; at += tick * 1000) {
      const place = Math.round(x(at)) + 0.5;
      context.moveTo(place, frame.top);
      context.lineTo(place, frame.bottom);
      if (place > 32 && place < frame.right - 20) {
        context.fillText(time(at + offset), place, frame.bottom + 7);
      }
    }
    context.stroke();
  }

  #line(frame, points, now, x, y) {
    const context = this.#context;
    const rises = points.at(-1).price >= points[0].price;
    const colour = rises ? this.#theme.up : this.#theme.down;
    context.save();
    context.beginPath();
    context.rect(frame.left, 0, frame.right - frame.left, frame.bottom);
    context.clip();
    context.beginPath();
    context.moveTo(x(points[0].at), y(points[0].price));
    for (const point of points) {
      context.lineTo(x(point.at), y(point.price));
    }
    context.lineTo(x(now), y(points.at(-1).price));
    context.lineWidth = 1.8;
    context.lineJoin = 'round';
    context.strokeStyle = colour;
    context.stroke();
    context.lineTo(x(now), frame.bottom);
    context.lineTo(x(points[0].at), frame.bottom);
    context.closePath();
    const fill = context.createLinearGradient(0, frame.top, 0, frame.bottom);
    fill.addColorStop(0, colour);
    fill.addColorStop(1, 'transparent');
    context.globalAlpha = 0.18;
    context.fillStyle = fill;
    context.fill();
    context.restore();
  }

  #last(frame, points, now, x, y) {
    const context = this.#context;
    const last = points.at(-1);
    const rises = last.price >= points[0].price;
    const colour = rises ? this.#theme.up : this.#theme.down;
    const at = y(last.price);
    context.strokeStyle = colour;
    context.setLineDash([2, 3]);
    context.beginPath();
    context.moveTo(frame.left, Math.round(at) + 0.5);
    context.lineTo(frame.right, Math.round(at) + 0.5);
    context.stroke();
    context.setLineDash([]);
    this.#tag(frame, at, amount(last.price, 2), colour);
    // A price may be newer than the frame that it is drawn in: the frame's time is that of its beginning.
    const fresh = still.matches ? 0 : Math.min(1, Math.max(0, 1 - (now - last.at) / 700));
    context.fillStyle = colour;
    context.globalAlpha = 0.25 * fresh;
    context.beginPath();
    context.arc(x(now), at, 4 + 9 * (1 - fresh), 0, 7);
    context.fill();
    context.globalAlpha = 1;
    context.beginPath();
    context.arc(x(now), at, 3.5, 0, 7);
    context.fill();
  }

  #mark(frame, mark, y) {
    const at = y(mark.price);
    if (at < frame.top || at > frame.bottom) {
      return;
    }
    const context = this.#context;
    context.strokeStyle = this.#theme[mark.colour];
    context.setLineDash([6, 4]);
    context.beginPath();
    context.moveTo(frame.left, Math.round(at) + 0.5);
    context.lineTo(frame.right, Math.round(at) + 0.5);
    context.stroke();
    context.setLineDash([]);
    context.fillStyle = this.#theme[mark.colour];
    context.textAlign = 'left';
    context.textBaseline = 'bottom';
    context.fillText(mark.text, frame.left + 6, at - 2);
  }

  #cross(frame, points, x, y) {
    const context = this.#context;
    const near = points.reduce((best, point) => (Math.abs(x(point.at) - this.#pointer.x) < Math.abs(x(best.at) - this.#pointer.x) ? point : best));
    const place = Math.round(x(near.at)) + 0.5;
    context.strokeStyle = this.#theme.muted;
    context.beginPath();
    context.moveTo(place, frame.top);
    context.lineTo(place, frame.bottom);
    context.stroke();
    context.fillStyle = this.#theme.text;
    context.beginPath();
    context.arc(place, y(near.price), 3, 0, 7);
    context.fill();
    const label = `${amount(near.price, 2)}   ${time(Date.now() - (performance.now() - near.at))}`;
    context.font = `12px ${this.#theme.font}`;
    const width = context.measureText(label).width + 16;
    const left = Math.min(Math.max(place - width / 2, 2), frame.right - width);
    context.fillStyle = this.#theme.panel;
    context.strokeStyle = this.#theme.line;
    context.beginPath();
    context.roundRect(left, frame.top, width, 22, 6);
    context.fill();
    context.stroke();
    context.fillStyle = this.#theme.text;
    context.textAlign = 'left';
    context.textBaseline = 'middle';
    context.fillText(label, left + 8, frame.top + 11.5);
  }

  #tag(frame, at, text, colour) {
    const context = this.#context;
    context.fillStyle = colour;
    context.beginPath();
    context.roundRect(frame.right + 2, at - 10, 74, 20, 5);
    context.fill();
    context.font = `600 11px ${this.#theme.font}`;
    context.fillStyle = this.#theme.panel;
    context.textAlign = 'left';
    context.textBaseline = 'middle';
    context.fillText(text, frame.right + 8, at + 0.5);
  }

  #say(text) {
    const context = this.#context;
    context.font = '13px system-ui, sans-serif';
    context.fillStyle = this.#theme.muted;
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    context.fillText(text, this.#width / 2, this.#height / 2);
  }
}

/** The points from a moment on, and the one before it, so that the line comes in from the edge. */
function visible(points, from) {
  let low = 0, high = points.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle].at < from) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return points.slice(Math.max(0, low - 1));
}

function nice(step) {
  const power = 10 ** Math.floor(Math.log10(step));
  const part = step / power;
  return (part < 1.5 ? 1 : part < 3.5 ? 2 : part < 7.5 ? 5 : 10) * power;
}
