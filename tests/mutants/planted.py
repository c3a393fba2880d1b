"""The planted bugs: for each, what is replaced in which file, and the smallest choice of tests that must notice it."""

from collections.abc import Sequence
from dataclasses import dataclass

PACKAGE = "supplier_agent"


@dataclass(frozen=True)
class Mutant:
    """One bug. `old` stands exactly once in `file` (below the package); `tests` are arguments of pytest."""

    name: str
    file: str
    old: str
    new: str
    tests: Sequence[str]


CRASH = "tests/crash/test_every_crash_point.py"
IDLE = "tests/branches/test_idle.py"
INTENT = f"{CRASH}::test_the_intent_is_on_the_disk_before_the_request_and_the_outcome_before_the_database"
DEATHS = f"{CRASH}::test_no_death_at_any_step_breaks_a_promise"
LOOP = "tests/branches/test_loop.py"
DURABILITY = "tests/simulation/test_durability.py"
PROMISES = "tests/promises/test_promises.py"
STEPS = "tests/simulation/test_steps.py"
BULKHEADS = "tests/bulkheads/"
SALES = "tests/support/test_gate.py"
PRIVACY = "tests/support/test_privacy.py"

PLANTED = (
    # -- calls: intent, claim, repetition --------------------------------------------------------------------------
    Mutant(
        "the request leaves before its intent is committed",
        "tick/context.py",
        "        self._afterwards.append(step)\n",
        "        step()\n",
        (INTENT, DEATHS),
    ),
    Mutant(
        "the ship ledger gets no intent",
        "tick/context.py",
        "            refused = self._write_to_ledger([intent for intent, _ in departures])\n",
        "            refused = None\n",
        (INTENT,),
    ),
    Mutant(
        "a ship call leaves although its intent could not be noted",
        "tick/claim.py",
        "            ctx.inbox.put(lambda: finished(unsent))\n            ctx.is_compared = False\n            return\n",
        "            ctx.log.problem('ledger', refused.what)\n",
        (LOOP,),
    ),
    Mutant(
        "the ship ledger gets no outcome",
        "tick/settle.py",
        "ctx.answered(ShipCall(job.supplier, job.menzzo_order_id, job.number, outcome.kind, ctx.clock.now()))",
        "pass",
        (INTENT,),
    ),
    Mutant(
        "a fault in a worker counts as not sent",
        "tick/settle.py",
        "        return Ending(Outcome(UNKNOWN, fault(error)), fault=True)",
        "        return Ending(Outcome(NOT_SENT, fault(error)), fault=True)",
        (LOOP,),
    ),
    Mutant(
        "a 404 on acknowledge is not looked up in the list",
        "calls/acknowledge.py",
        "    if job.not_found_since is not None and not _still_listed(job, tools, reads):",
        "    if job.not_found_since is None and not _still_listed(job, tools, reads):",
        ("tests/branches/test_not_found.py",),
    ),
    Mutant(
        "a ship call is repeated after a lost answer",
        "calls/ship.py",
        """        return Next("unknown", why=f"the answer was lost or unclear: {outcome.detail}")""",
        """        return Next("owed", now, why=outcome.detail)""",
        ("tests/unit/test_calls.py",),
    ),
    Mutant(
        "a lost answer of a ship call counts as done",
        "calls/protocol.py",
        "    Means.LOST: UNKNOWN,",
        "    Means.LOST: DONE,",
        (f"{PROMISES}::test_not_knowing_is_said",),
    ),
    Mutant(
        "a 404 on ship is taken for shipped",
        "calls/protocol.py",
        "    Means.NOT_FOUND: REFUSED,",
        "    Means.NOT_FOUND: DONE,",
        (f"{PROMISES}::test_shipped_means_confirmed",),
    ),
    Mutant(
        "a claim does not look at the call's state",
        "outbox.py",
        """        col(Call.state) == "owed",
        col(Call.attempts) == bindparam("before"),
""",
        "",
        ("tests/unit/test_outbox.py",),
    ),
    Mutant(
        "a claim does not look at the order again",
        "tick/claim.py",
        "    if not ctx.asks_for(order, call):\n        outbox.drop(tx, call)\n        return None\n",
        "",
        (STEPS,),
    ),
    Mutant(
        "whoever lost its claim settles all the same",
        "outbox.py",
        """        col(Call.attempts) == bindparam("nth"),
        col(Call.state).in_(("sending", "unknown")),
""",
        """        col(Call.state) != "done",
""",
        ("tests/unit/test_outbox.py",),
    ),
    Mutant(
        "after a crash a ship call is owed again",
        "outbox.py",
        "        if call.kind in once:\n",
        "        if call.kind in once and False:\n",
        ("tests/unit/test_outbox.py",),
    ),
    Mutant(
        "the ledger is not consulted where the database knows less",
        "tick/plan.py",
        "    if entry is None or order.ship_confirmed_at is not None:",
        "    if entry is None or entry:",
        ("tests/unit/test_ledger.py",),
    ),
    Mutant(
        "the ledger is not consulted after a crash",
        "tick/plan.py",
        "ctx.ledger.last(order.supplier, order.menzzo_order_id) if is_in_ledger else None",
        "None",
        ("tests/unit/test_ledger.py",),
    ),
    Mutant(
        "a ledger that another program has changed is trusted",
        "db/ship_ledger.py",
        '            self.fault = "it was changed while the agent ran"\n',
        "",
        ("tests/unit/test_ledger.py",),
    ),
    Mutant(
        "a start takes the end of the ledger for all of it",
        "db/ship_ledger.py",
        "        ends, rest = begins, block[:whole]\n    return 0\n",
        "        return begins + whole\n    return 0\n",
        ("tests/unit/test_ledger.py",),
    ),
    Mutant(
        "the loop waits on a queue that may wait for ever",
        "tick/workers.py",
        "queue.Queue()",
        "queue.SimpleQueue()  # type: ignore[assignment]",
        ("tests/unit/test_inbox.py",),
    ),
    Mutant(
        "the last half millisecond of a second is no instant",
        "db/triggers.py",
        "datetime(substr(NEW.shipped_at, 1, 19), '+0 days')",
        "datetime(NEW.shipped_at, '+0 days')",
        ("tests/unit/test_store.py",),
    ),
    Mutant(
        "an idle account sleeps beyond the moment at which something is due",
        "tick/choose.py",
        "    return min(together, max(0.0, account.idle_until - now))\n",
        "    return together if account.idle_until > now else 0.0\n",
        (IDLE,),
    ),
    Mutant(
        "what another program changes is not looked at",
        "tick/context.py",
        "                        self.look_again(account.name)\n            self.is_looked_at",
        "                        pass\n            self.is_looked_at",
        (IDLE,),
    ),
    Mutant(
        "a change that could not be read is forgotten",
        "tick/context.py",
        """            self.is_looked_at = self.is_compared = False
            self.evidence.look()
        if not self.is_looked_at:
""",
        "            self.is_compared, self.is_looked_at = False, True\n",
        (IDLE,),
    ),
    Mutant(
        "an idle account is not looked at when other hours begin",
        "tick/choose.py",
        "(account.next_read is None or not _is_of_these_hours(ctx, account, ctx.clock.now()))",
        "account.next_read is None",
        (IDLE,),
    ),
    # -- people ----------------------------------------------------------------------------------------------------
    Mutant(
        "the undo window is ignored",
        "calls/ship.py",
        "    return max(marked_at, order.undo_opened_at or marked_at) + self.delay(settings)",
        "    return max(marked_at, order.undo_opened_at or marked_at)",
        ("tests/unit/test_calls.py",),
    ),
    Mutant(
        "who lets a marked order go on opens no new undo window",
        "calls/ship.py",
        "max(marked_at, order.undo_opened_at or marked_at)",
        "marked_at",
        ("tests/unit/test_acts.py",),
    ),
    Mutant(
        "a restored database holds nothing",
        "maintenance/rollback.py",
        "or_(col(Order.shipped) == 1, some)",
        "some",
        ("tests/upkeep/test_restore.py",),
    ),
    Mutant(
        "a database that is older than the ship ledger is taken for the present one",
        "maintenance/rollback.py",
        "    if ledger.epoch > row.epoch:",
        "    if ledger.epoch > row.epoch + 1000:",
        ("tests/upkeep/test_restore.py",),
    ),
    Mutant(
        "decisions that the database has lost are not missed",
        "maintenance/rollback.py",
        "    return event is not None and (event.at.isoformat(), event.what) == (decision.at, decision.what)",
        "    return event is None or event.what != ''",
        ("tests/upkeep/test_restore.py",),
    ),
    Mutant(
        "a missing ship ledger is replaced by a new one in silence",
        "maintenance/rollback.py",
        "        known = row.ledger_id is not None or _was_in_use(tx)",
        "        known = False",
        ("tests/upkeep/test_restore.py",),
    ),
    Mutant(
        "a link is followed to the ship ledger",
        "db/state_folder.py",
        "        if stat.S_ISLNK(found.st_mode):",
        "        if stat.S_ISLNK(found.st_mode) and not found.st_mode:",
        ("tests/unit/test_ledger.py",),
    ),
    Mutant(
        "an undo by SQL leaves the override",
        "db/triggers.py",
        "undo_opened_at = NULL, override_by = NULL, override_covers = NULL",
        "undo_opened_at = NULL",
        ("tests/unit/test_guards.py",),
    ),
    Mutant(
        "an override covers every blocker",
        "order.py",
        "    return [code for code, blocks in there.items() if blocks and code not in lifted]",
        "    return [code for code, blocks in there.items() if blocks and not lifted]",
        ("tests/unit/test_order.py",),
    ),
    Mutant(
        "a hold is ignored",
        "order.py",
        "order.shipped == 1 and order.held_reason is None and not blockers(order)",
        "order.shipped == 1 and not blockers(order)",
        ("tests/unit/test_order.py",),
    ),
    Mutant(
        "a closed order is dealt with",
        "order.py",
        "    if damage(order) or order.closed_reason is not None:\n",
        "    if damage(order):\n",
        ("tests/unit/test_order.py",),
    ),
    Mutant(
        "an undo while the call is being sent is taken",
        "db/triggers.py",
        "state IN ('sending', 'unknown', 'done'));",
        "state IN ('unknown', 'done'));",
        ("tests/unit/test_guards.py",),
    ),
    Mutant(
        "the guard against a late undo never acts",
        "db/triggers.py",
        "CREATE TRIGGER orders_undo_too_late BEFORE UPDATE OF shipped ON orders WHEN NEW.shipped = 0 AND OLD.shipped = 1",
        "CREATE TRIGGER orders_undo_too_late BEFORE UPDATE OF shipped ON orders WHEN NEW.shipped = 7",
        ("tests/unit/test_guards.py",),
    ),
    Mutant(
        "any number of flags at once goes without a question",
        "suppliers/safety_stops.py",
        "    return per_minute > 0 and most_within(",
        "    return per_minute < 0 and most_within(",
        (LOOP,),
    ),
    # -- reading ---------------------------------------------------------------------------------------------------
    Mutant(
        "the cursor moves before the rows of the last page",
        "tick/pull.py",
        "    if isinstance(step, strategy.Run):\n        if str(step.query)",
        "    if isinstance(step, strategy.Run):\n        row = known_supplier(tx, name)\n"
        "        row.cursor = strategy.highest(step.listed) or row.cursor\n        tx.add(row)\n        if str(step.query)",
        (STEPS,),
    ),
    Mutant(
        "the rows of a page are not stored until the run is over",
        "tick/pull.py",
        "        observed = observe(tx, name, answer.rows, now, settings.suppliers[name].start_date)\n",
        "        with tx.begin_nested() as nested:\n"
        "            observed = observe(tx, name, answer.rows, now, settings.suppliers[name].start_date)\n"
        "            if len(answer.rows) > 2:\n                nested.rollback()\n",
        ("tests/semantics/test_every_order.py",),
    ),
    Mutant(
        "the sweep is off",
        "reading/schedule.py",
        "    sweep_at = sweep.started_at + timedelta(seconds=pauses.sweep_seconds)",
        "    sweep_at = sweep.started_at + timedelta(days=3650)",
        ("tests/semantics/test_every_order.py", "-k", "days_late"),
    ),
    Mutant(
        "a question is asked again while the server answers it from its cache",
        "tick/pull.py",
        '    while str(plan.query) in asked and plan.purpose != "fetch":\n        plan = strategy.earlier(plan)\n',
        "",
        ("tests/semantics/test_every_order.py", "-k", "cut_short"),
    ),
    Mutant(
        "an acknowledge goes out between two pages",
        "tick/choose.py",
        "    reading_pages = read_waits or (account.run is not None and account.run.plan.phase is Phase.PAGES)",
        "    reading_pages = False",
        ("tests/semantics/test_every_order.py", "-k", "not acknowledged_late"),
    ),
    Mutant(
        "rejected rows are dropped",
        "tick/observe.py",
        "    rejected = _keep_word_for_word(tx, supplier, kept, now)",
        "    rejected = 0",
        ("tests/unit/test_observe.py",),
    ),
    Mutant(
        "the id's pattern ends with a dollar sign",
        "marketplace/listing.py",
        r'ID = re.compile(r"\A([0-9A-Za-z_-]{1,60})_([0-9]{1,19})\Z", re.ASCII)',
        r'ID = re.compile(r"\A([0-9A-Za-z_-]{1,60})_([0-9]{1,19})$", re.ASCII)',
        ("tests/marketplace/test_listing.py",),
    ),
    Mutant(
        "a customer's name is kept as it is",
        "marketplace/masking.py",
        "            how = How.HIDDEN\n",
        "            how = How.JUDGED\n",
        ("tests/unit/test_nothing_personal.py",),
    ),
    Mutant(
        "an error while entries are kept stops the page",
        "suppliers/listed.py",
        "        nested.rollback()\n        return error\n",
        "        nested.rollback()\n        raise\n",
        ("tests/unit/test_listed.py",),
    ),
    Mutant(
        "entries of unfinished orders go",
        "maintenance/retention.py",
        "o.menzzo_order_id = r.menzzo_order_id AND NOT ({FINISHED}))",
        "o.menzzo_order_id = r.menzzo_order_id AND FALSE)",
        ("tests/upkeep/test_retention.py",),
    ),
    Mutant(
        "a recording names the orders",
        "maintenance/disguise.py",
        "            return self.id(token)\n",
        "            return token\n",
        ("tests/upkeep/test_disguise.py", "tests/sandbox/test_replay.py"),
    ),
    Mutant(
        "prices are floats on the way",
        "marketplace/listing.py",
        "        return int(rounded * 100)\n",
        "        return int(float(rounded) * 100)\n",
        ("tests/marketplace/test_listing.py",),
    ),
    # -- answers ---------------------------------------------------------------------------------------------------
    Mutant(
        "success is checked by its truthiness",
        "marketplace/answers.py",
        """    affirms, denies = said.get("success") in AFFIRMS, _denies(said)""",
        """    affirms, denies = bool(said.get("success")), _denies(said)""",
        ("tests/marketplace/test_answers.py",),
    ),
    Mutant(
        "an answer about another order is believed",
        "marketplace/answers.py",
        "    if not isinstance(said, dict) or _names_another(said, menzzo_order_id):",
        "    if not isinstance(said, dict):",
        (f"{PROMISES}::test_shipped_means_confirmed",),
    ),
    Mutant(
        "broken JSON is taken for a yes",
        "marketplace/answers.py",
        "    except (ValueError, RecursionError):\n        return Means.UNCLEAR",
        "    except (ValueError, RecursionError):\n        return Means.CONFIRMED",
        (f"{PROMISES}::test_shipped_means_confirmed",),
    ),
    Mutant(
        "a web page is taken for an answer that did not deny",
        "marketplace/answers.py",
        "    except (ValueError, RecursionError):\n        return Means.UNCLEAR",
        "    except (ValueError, RecursionError):\n        return Means.UNVERIFIED",
        (f"{PROMISES}::test_not_knowing_is_said",),
    ),
    Mutant(
        "what did not deny is called confirmed",
        "calls/ship.py",
        '"ship_evidence": verdict.means.value}',
        '"ship_evidence": "confirmed"}',
        (f"{PROMISES}::test_shipped_means_confirmed",),
    ),
    Mutant(
        "a denial by its code counts as no denial",
        "marketplace/answers.py",
        """        or any(_is_error_code(said.get(name)) for name in ("code", "statusCode"))""",
        """        or False""",
        (f"{PROMISES}::test_shipped_means_confirmed",),
    ),
    Mutant(
        "a person's word is called the marketplace's",
        "actions.py",
        "order.ship_evidence, order.planned_at = now, PERSON, None",
        'order.ship_evidence, order.planned_at = now, "confirmed", None',
        (f"{PROMISES}::test_shipped_means_confirmed",),
    ),
    Mutant(
        "each redirected ship call is parked",
        "tick/settle.py",
        "call.ONCE and _redirect_parked_one(ctx, tx, account, call.LANE):",
        "not call.ONCE:",
        ("tests/branches/test_redirect.py",),
    ),
    Mutant(
        "a ship call asks whether a redirect is over",
        "tick/choose.py",
        "calls[call.kind].ONCE or lane.redirected_to is not None",
        "calls[call.kind].ONCE",
        ("tests/branches/test_redirect.py",),
    ),
    Mutant(
        "a dry run's questions are forgotten",
        "runtime/dry_run.py",
        "            _remember_questions(store, before, settings)\n",
        "",
        ("tests/check/test_cache.py",),
    ),
    Mutant(
        "the token is shown where an answer echoes it",
        "marketplace/answers.py",
        """            text = text.replace(spelling, "[token]")""",
        "            text = str(text)",
        ("tests/marketplace/test_answers.py",),
    ),
    # -- the wire --------------------------------------------------------------------------------------------------
    Mutant(
        "connections are kept alive and shared",
        "marketplace/wire.py",
        """        with httpcore.HTTPConnection(
            request.url.origin, self._ssl_context if secure else None, network_backend=network
        ) as connection:
""",
        """        if not hasattr(self, "_kept"):
            self._kept = httpcore.HTTPConnection(
                request.url.origin, self._ssl_context if secure else None, network_backend=network
            )
        for connection in (self._kept,):
""",
        ("tests/faults/test_faults.py", "tests/marketplace/test_wire.py"),
    ),
    Mutant(
        "a request that left counts as not sent",
        "marketplace/wire.py",
        "return Lost(_lost(error, progress) + by) if progress.sent else NotSent(_not_sent(error) + by)",
        "return NotSent(_not_sent(error) + by)",
        ("tests/marketplace/test_wire.py",),
    ),
    Mutant(
        "time-outs count anew for each read",
        "marketplace/connections.py",
        "        data = self._stream.read(max_bytes, self._progress.left(httpcore.ReadTimeout))\n",
        "        data = self._stream.read(max_bytes, 1.0)\n",
        ("tests/faults/test_faults.py",),
    ),
    Mutant(
        "a redirect of a POST is followed",
        "marketplace/client.py",
        "        return verdict(reply, menzzo_order_id, self.clock.now(), [token], always_success=always_success)\n",
        """        if isinstance(reply, Answer) and reply.status in REDIRECTS and "location" in reply.headers:
            reply = self._send("POST", httpx.URL(reply.headers["location"]), headers, ANSWER_BYTES, content)
        return verdict(reply, menzzo_order_id, self.clock.now(), [token], always_success=always_success)
""",
        ("tests/faults/test_faults.py", "-k", "redirect"),
    ),
    Mutant(
        "the token goes to every origin of a label",
        "marketplace/links.py",
        "        return Target(url, with_token=False)",
        "        return Target(url, with_token=True)",
        ("tests/marketplace/test_links.py",),
    ),
    Mutant(
        "a label may come from anywhere",
        "marketplace/links.py",
        "    if origin in _origins(label_origins):",
        "    if origin:",
        ("tests/marketplace/test_links.py",),
    ),
    Mutant(
        "the token is printed where it cannot be sent",
        "marketplace/wire.py",
        """            return f"the request could not be made ({type(error).__name__})\"""",
        """            return f"the request could not be made ({error})\"""",
        ("tests/marketplace/test_wire.py",),
    ),
    Mutant(
        "a write is tried three times, like a read",
        "marketplace/client.py",
        """        reply = self._send("POST", self._endpoint(endpoint), headers, ANSWER_BYTES, content)
""",
        """        for _ in range(3):
            reply = self._send("POST", self._endpoint(endpoint), headers, ANSWER_BYTES, content)
            if verdict(reply, menzzo_order_id, self.clock.now(), [token]).means is Means.CONFIRMED:
                break
""",
        ("tests/marketplace/test_account.py",),
    ),
    # -- pace and pauses -------------------------------------------------------------------------------------------
    Mutant(
        "the rate is not waited for",
        "marketplace/rate_limit.py",
        "            if wait <= 0:\n",
        "            if wait <= 3600:\n",
        ("tests/semantics/test_every_order.py", "-k", "cut_short"),
    ),
    Mutant(
        "slow suppliers may take every thread",
        "tick/workers.py",
        "        return slow is False or sum(self._is_slow(each, stuck) is slow for each in taken) < self._half\n",
        "        return True\n",
        (BULKHEADS + "test_bulkhead.py",),
    ),
    Mutant(
        "a place that was promised goes to the first who comes",
        "tick/workers.py",
        "                self._promised.add(account)\n",
        "",
        (BULKHEADS + "test_bulkhead.py",),
    ),
    Mutant(
        "one supplier's checks take every process",
        "labels/pdf.py",
        "                    if supplier in self._busy:\n                        continue\n",
        "",
        (BULKHEADS + "test_checks.py",),
    ),
    Mutant(
        "what a check says that was ended is believed",
        "labels/pdf.py",
        "                if self._is_closed:  # an answer",
        "                if False:  # an answer",
        (BULKHEADS + "test_checks.py",),
    ),
    Mutant(
        "a scan shows an order that must not ship as if it were marked already",
        "labels/scan.py",
        "    if verdict.stops:\n        sign, say = Sign.NO",
        "    if False:\n        sign, say = Sign.NO",
        ("tests/scan/test_station.py",),
    ),
    Mutant(
        "the first parcel marks the whole order",
        "labels/scan.py",
        "    is_complete = match.parcels.plus(match.page).is_complete\n",
        "    is_complete = True\n",
        ("tests/scan/test_station.py", "-k", "parcel"),
    ),
    Mutant(
        "two codes of one label are two parcels",
        "labels/parcels.py",
        "    if page in before.scanned:\n        return Count.AGAIN, before\n",
        "",
        ("tests/scan/test_parcels.py", "-k", "two_scans"),
    ),
    Mutant(
        "a code that is on every page names a parcel",
        "labels/pdf_worker.py",
        "if found.get(text, index + 1) == index + 1 else None",
        "if True else None",
        ("tests/barcodes/test_pdfwork.py", "-k", "only_page"),
    ),
    Mutant(
        "what was scanned still counts after an undo",
        "db/triggers.py",
        "  UPDATE parcels SET undone_at = {NOW} WHERE order_id = NEW.id AND undone_at IS NULL;\n",
        "",
        ("tests/scan/test_parcels.py", "-k", "undo"),
    ),
    Mutant(
        "half of an articles file is imported",
        "cli/articles.py",
        "    if wrong:\n        more",
        "    if not rows:\n        more",
        ("tests/cli/test_articles.py", "-k", "wrong_line"),
    ),
    Mutant(
        "one label of twenty is enough to doubt another",
        "verdict/label.py",
        "number >= LEAST_LABELS and ",
        "number > 0 and ",
        ("tests/verdict/test_label.py", "-k", "from_20_labels"),
    ),
    Mutant(
        "the lines of one customer's order may not share a label",
        "reports/label_facts.py",
        "twins.increment_id <> orders.increment_id",
        "twins.id <> orders.id",
        ("tests/verdict/test_label.py", "-k", "one_file"),
    ),
    Mutant(
        "what is on a label is stored word for word",
        "labels/text.py",
        "        label_sha256=label_sha256,\n",
        "        label_sha256=text,\n",
        ("tests/barcodes/test_label_text.py", "-k", "customer"),
    ),
    Mutant(
        "one scan marks what may have the wrong label",
        "labels/scan.py",
        " and not match.verdict.doubtful",
        "",
        ("tests/web/test_label.py", "-k", "one_scan"),
    ),
    Mutant(
        "a doubtful order is shown in blue",
        "web/scan_page.py",
        "            answer = replace(answer, sign=YELLOW)\n",
        "            pass\n",
        ("tests/web/test_label.py", "-k", "both_scans"),
    ),
    Mutant(
        "a newer label that cannot be read makes one parcel of three",
        "labels/barcodes.py",
        "    pages = found.pages or func.coalesce(Order.label_pages, 0)\n",
        "    pages = found.pages\n",
        ("tests/scan/test_parcels.py", "-k", "cannot_be_read"),
    ),
    Mutant(
        "a vehicle departs with orders that nobody sees, and marks only the others",
        "web/departure.py",
        "    if _has_more(visit, load, found):\n",
        "    if not found:\n",
        ("tests/web/test_limited_people.py", "-k", "hidden_orders"),
    ),
    Mutant(
        "right badges add up until a bench is locked out",
        "web/peers.py",
        "                    counted.times, counted.at = counted.times - 1, counted.before\n",
        "                    pass\n",
        ("tests/web/test_tries.py", "-k", "right_tries"),
    ),
    Mutant(
        "a badge that is scanned on another page is kept as a code",
        "web/auth.py",
        "        return visit.who is not None and not visit.room.settings.web.proxy_header and bool(badge_in(visit))\n",
        '        return visit.path == "/scan" and bool(badge_in(visit))\n',
        ("tests/web/test_badge.py", "-k", "wherever"),
    ),
    Mutant(
        "a line of the ledger is taken for the line of another order",
        "db/ship_ledger.py",
        "        return written[2].decode(), written[3].decode()\n",
        "        return written[3].decode(), written[2].decode()\n",
        ("tests/unit/test_ledger.py",),
    ),
    Mutant(
        "an order that was undone after its departure is still on the list of its vehicle",
        "db/triggers.py",
        "  UPDATE loaded SET removed_at = {NOW} WHERE order_id = NEW.id AND left_at IS NOT NULL AND removed_at IS NULL;\n",
        "",
        ("tests/web/test_load.py", "-k", "undone_after_its_departure or undo_by_sql"),
    ),
    Mutant(
        "parcels that were loaded under an old label count under the new one",
        "loads.py",
        "    query = query.where(LoadedParcel.label_sha256 == Order.label_sha256)\n",
        "",
        ("tests/web/test_load.py", "-k", "label"),
    ),
    Mutant(
        "what was loaded under an old label leaves with it",
        "web/departure.py",
        '        is_same = self.place.label_sha256 == self.each.cell("label_sha256")\n',
        "        is_same = True\n",
        ("tests/web/test_load.py", "-k", "old_label"),
    ),
    Mutant(
        "the page names the first reason alone",
        "web/order_view.py",
        '" ".join(self.verdict.stops)',
        '" ".join(self.verdict.stops[:1])',
        ("tests/web/test_verdict.py", "-k", "every_reason"),
    ),
    Mutant(
        "labels of orders that must not ship are printed in bulk",
        "web/order_view.py",
        "        return self.may_go and not self.verdict.stops\n",
        "        return Act.PRINT in self.verdict.may[Role.PACKER]\n",
        ("tests/papers/test_lists.py", "-k", "batch"),
    ),
    Mutant(
        "the driver gets what was put on hold after it was marked",
        "web/sheets.py",
        "    kept = {each.order.id for each in stay}\n",
        "    kept = set[int]()\n",
        ("tests/papers/test_lists.py", "-k", "hand_over"),
    ),
    Mutant(
        "a lead may do what the verdict no longer allows",
        "web/problems_page.py",
        "        if decision.needs not in each.verdict.may[visit.role]:\n",
        "        if False:\n",
        ("tests/web/test_verdict.py", "-k", "override"),
    ),
    Mutant(
        "a report is sent again without asking once more",
        "web/problems_page.py",
        '        if decision.sure and visit.field("sure") != "yes":\n',
        "        if False:\n",
        ("tests/web/test_lead.py", "-k", "asks_once_more"),
    ),
    Mutant(
        "what a packer reports raises no alert",
        "reports/facts.py",
        "*reported(look, most), ",
        "",
        ("tests/alerts/test_watch.py", "-k", "order_reported"),
    ),
    Mutant(
        "a label that cannot be read now counts as changed",
        "labels/folder.py",
        "    except FileNotFoundError:\n        return None\n",
        "    except OSError:\n        return None\n",
        ("tests/branches/test_label_file.py",),
    ),
    Mutant(
        "a label that cannot be seen now counts as gone",
        "labels/folder.py",
        "        except OSError:\n            return True\n",
        "        except OSError:\n            return False\n",
        ("tests/branches/test_label_file.py",),
    ),
    Mutant(
        "a swollen PDF process goes on",
        "labels/pdf_worker.py",
        '        leaves = facts.get("fault") == TOO_MUCH or _resident_bytes() > MOST_RESIDENT_BYTES\n',
        "",
        ("tests/barcodes/test_whole.py", "-k", "fresh_process or without_memory"),
    ),
    Mutant(
        "a lane never pauses",
        "suppliers/circuit_breakers.py",
        "    return in_flight == 0 and (lane.resume_at is None or lane.resume_at <= now)",
        "    return True",
        ("tests/unit/test_lanes.py",),
    ),
    Mutant(
        "the silence that was asked for is not kept",
        "tick/choose.py",
        "    if row.quiet_until is not None and row.quiet_until > now:\n        return Choice()\n",
        "",
        (STEPS,),
    ),
    Mutant(
        "a refused token stops nothing",
        "tick/choose.py",
        "    if row.paused_at is not None or row.token_refused_at is not None:",
        "    if row.paused_at is not None:",
        (STEPS,),
    ),
    Mutant(
        "an order that is reopened is reported by the back-off of its last try, within its undo window",
        "outbox.py",
        "later = call.due_at is None or due_at > call.due_at",
        "later = call.due_at is None",
        (STEPS,),
    ),
    Mutant(
        "a call is claimed although its order was changed since it was planned",
        "tick/claim.py",
        "    if order.planned_at is None:",
        "    if False:",
        (STEPS,),
    ),
    Mutant(
        "what was flagged under a clock that ran ahead waits until then",
        "tick/plan.py",
        "    if due <= latest:\n",
        "    if due is not None:\n",
        (STEPS,),
    ),
    Mutant(
        "a clock set back delays what is due",
        "outbox.py",
        """col(Call.state) == "owed", col(Call.due_at) > latest""",
        """col(Call.state) == "done", col(Call.due_at) > latest""",
        ("tests/unit/test_outbox.py",),
    ),
    # -- the disk --------------------------------------------------------------------------------------------------
    Mutant(
        "a label is not waited for before its row is written",
        "labels/folder.py",
        "            os.fsync(file.fileno())\n",
        "",
        (DURABILITY,),
    ),
    Mutant(
        "the label's name is not waited for",
        "labels/folder.py",
        "        files.flush(target.parent)\n",
        "",
        (DURABILITY,),
    ),
    Mutant(
        "a label is not checked",
        "labels/folder.py",
        "        if why is not None:\n",
        "        if why is not None and False:\n",
        ("tests/unit/test_labels.py",),
    ),
    Mutant(
        "a label is written in place",
        "labels/folder.py",
        """        part = folder / f".{menzzo_order_id}.part\"""",
        "        part = target",
        ("tests/unit/test_labels.py",),
    ),
    Mutant(
        "a label that was altered goes unnoticed",
        "tick/claim.py",
        """    if not needs_it or ctx.labels.is_whole(order.label_path or "", order.label_sha256 or ""):""",
        "    if not needs_it or order.label_path:",
        ("tests/disk/test_locked.py", "-k", "altered"),
    ),
    Mutant(
        "a line of the ship ledger is not waited for",
        "db/ship_ledger.py",
        "            os.fdatasync(self._fd)\n",
        "",
        (DURABILITY,),
    ),
    Mutant(
        "commits are not waited for",
        "db/connections.py",
        """"synchronous": 2,""",
        """"synchronous": 1,""",
        ("tests/unit/test_store.py",),
    ),
    Mutant(
        "a database that was replaced goes unnoticed",
        "db/store.py",
        "            same = self.path.stat().st_ino == self._inode",
        "            same = self.path.stat().st_ino > 0",
        ("tests/unit/test_store.py",),
    ),
    # -- the support API -------------------------------------------------------------------------------------------
    Mutant(
        "a ship call leaves before its sale was checked",
        "tick/sale_gate.py",
        "    return not (found.ask or found.stops or found.until is not None)\n",
        "    return True\n",
        (SALES,),
    ),
    Mutant(
        "a stop word holds nothing",
        "calls/sale_check.py",
        "            if last_word(check, support) is Sale.STOPPED:\n",
        "            if False:\n",
        (f"{SALES}::test_other_lines_of_a_cancelled_sale_are_held_too_with_one_question",),
    ),
    Mutant(
        "an answer counts for ever",
        "verdict/sale.py",
        "timedelta(0) <= now - at <= FRESH",
        "timedelta(0) <= now - at",
        (SALES, "tests/support/test_sale_words.py"),
    ),
    Mutant(
        "an answer that is an error is kept word for word",
        "marketplace/answers.py",
        'replace(reply, body=b"") if isinstance(reply, Answer) else reply',
        "reply",
        (PRIVACY,),
    ),
    Mutant(
        "what repeats the customer in another field is kept",
        "integrations/support/answers.py",
        "return None if not text or any(_repeats(folded, each) for each in self.private) else text",
        "return text or None",
        (PRIVACY, "tests/support/test_answers.py"),
    ),
    Mutant(
        "a case is sent again after its answer was lost",
        "calls/sav.py",
        "SUPPORT, OTHERS, 2, True, False",
        "SUPPORT, OTHERS, 2, False, False",
        ("tests/support/test_more.py",),
    ),
    # -- one at a time ---------------------------------------------------------------------------------------------
    Mutant(
        "the lock lets everybody in",
        "db/state_folder.py",
        "fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)",
        "fcntl.flock(self._fd, fcntl.LOCK_SH | fcntl.LOCK_NB)",
        ("tests/unit/test_lock.py",),
    ),
)
