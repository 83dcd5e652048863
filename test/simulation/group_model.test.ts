/** Fear: a checker that cannot fail. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { GroupModel } from "./group_model.ts";

test("I29: a partition that two members have in one generation, a generation that comes again", () => {
  const model = new GroupModel();
  const before = model.moment;
  model.own("a", 2, [0, 1], before);
  model.own("a", 2, [0, 1], before);
  model.own("b", 2, [2], before);
  assert.throws(() => model.own("b", 2, [1], before), /I29: partition 1 in generation 2 is a's and b's/);
  assert.throws(() => model.own("b", 1, [], model.moment), /I29: b got generation 1 after 2/);
  model.own("b", 1, [], before);
});

test("I30: a position that went back or that nobody asked for, a commit of an old generation", () => {
  const model = new GroupModel();
  const before = model.moment;
  model.ask(0, 5);
  model.acknowledge(0, 5, 1, before);
  model.show(0, 5, model.moment);
  model.show(0, null, before);
  assert.throws(() => model.show(0, 4, model.moment), /I30: partition 0 is at 4, committed were 5 to 5/);
  assert.throws(() => model.show(0, 6, model.moment), /I30: partition 0 is at 6/);
  assert.throws(() => model.show(1, 1, model.moment), /I30: partition 1 is at 1/);
  model.own("a", 3, [0], model.moment);
  assert.throws(() => model.acknowledge(0, 6, 2, model.moment), /I30: a commit of generation 2 was taken after 3/);
});

test("after a start that may have lost something, nothing older counts", () => {
  const model = new GroupModel();
  model.ask(0, 5);
  const before = model.moment;
  model.own("a", 3, [0], before);
  model.acknowledge(0, 5, 3, before);
  model.forget();
  model.own("b", 1, [0], model.moment);
  model.show(0, null, model.moment);
  model.acknowledge(0, 5, 1, before);
  model.show(0, null, model.moment);
});
