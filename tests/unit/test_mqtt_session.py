"""The engine: sending, resuming, time. Numbers in names: defects of other clients."""

from mqtt_line import ACCEPTED, PRESENT, Line, packet, puback

from mqtt.packet import ProtocolError
from mqtt.session import Overdue, Refused, Session, since
from raises import raises

WRAP = 1 << 30


# The clock


def test_the_clock_wraps():
    assert since(5, WRAP - 5) == 10
    assert since(WRAP * 7 + 5, WRAP * 7 - 5) == 10
    assert since(1000, 1000) == 0
    assert since(999, 1000) == 0  # marked a little later than looked at
    assert since(500_000_000, 0) == 500_000_000


def test_keep_alive_works_across_the_wrap():
    line = Line(now=WRAP - 20_000, keep_alive=60)
    line.session.close()
    line.connect()
    for _ in range(3):
        assert line.wait(46_000) == b"\xc0\0"
        line.now %= WRAP
        line.input(b"\xd0\0")


# Connecting


def test_connect_is_the_first_packet_and_connack_opens():
    line = Line(answer=None)
    assert not line.session.connected
    line.input(ACCEPTED)
    assert line.session.connected and not line.session.present


def test_connack_answers_the_ticket_of_open():
    line = Line(answer=None, clean=False)
    line.session.close()
    line.session.open(0, "ticket")
    line.output()
    line.input(PRESENT)
    assert line.done == [("ticket", True)]
    assert line.session.close() == []
    line.session.open(0, "another")
    assert line.session.close() == ["another"]


def test_a_missing_connack_ends_the_attempt():
    line = Line(answer=None)
    line.wait(9_999)
    line.now += 1
    assert "CONNACK" in str(raises(Overdue, line.session.tick, line.now))


def test_each_refusal_is_named():
    for code in (1, 2, 3, 4, 5):
        line = Line(answer=None)
        error = raises(Refused, line.input, bytes((0x20, 2, 0, code)))
        assert error.args[0] == code and "CONNACK %d" % code in error.args[1]
        assert not line.session.connected


def test_6_session_present_is_read_and_not_an_error():
    line = Line(PRESENT)
    assert line.session.present and line.session.connected
    line.connect(ACCEPTED)
    assert not line.session.present


def test_present_after_a_clean_start_is_a_violation():
    raises(ProtocolError, Line(answer=None).input, PRESENT)


def test_a_wrong_option_shows_at_once():
    raises(ValueError, Session, "", clean=False)
    raises(ValueError, Session, "id", will=("a/#", b"", 0, False))
    raises(ValueError, Session, "id", password="x")


# Publishing


def test_qos_0_needs_a_connection_and_holds_nothing():
    line = Line(answer=None)
    assert not line.publish(qos=0)
    line.input(ACCEPTED)
    assert line.publish(qos=0)
    assert line.output() == b"\x30\x04\0\x01tx"
    assert not line.session.flight


def test_several_packets_gather_in_one_output():
    line = Line()
    for _ in range(3):
        line.publish(qos=0)
    assert line.output() == b"\x30\x04\0\x01tx" * 3


def test_no_room_is_said_and_room_comes_back():
    line = Line(buffer=64)
    taken = 0
    while line.publish(b"0123456789", qos=0):
        taken += 1
    assert taken == 3
    line.output()
    assert line.publish(b"0123456789", qos=0)


def test_qos_1_until_its_acknowledgement():
    line = Line()
    assert line.publish(ticket="a") == 1
    assert line.output() == packet(b"x", 1)
    assert len(line.session.flight) == 1 and not line.done
    line.input(puback(1))
    assert line.done == [("a", None)] and not line.session.flight


def test_the_window_is_bounded():
    line = Line(window=3)
    assert [line.publish(b"%d" % i) for i in range(5)] == [1, 2, 3, 4, 5]
    assert line.output() == packet(b"0", 1) + packet(b"1", 2) + packet(b"2", 3)
    assert not line.publish(qos=0)  # it would overtake
    assert line.input(puback(2)) == packet(b"3", 4)
    assert line.input(puback(1) + puback(3)) == packet(b"4", 5)
    assert line.publish(qos=0)


def test_a_request_goes_before_publishes_that_wait():
    line = Line(window=2)
    for i in range(4):
        line.publish(b"%d" % i)
    line.output()
    assert line.session.ask(0x82, [(b"a", 0)], 0, "sub") == 5
    assert line.output() == b""
    assert line.input(puback(1)) == b"\x82\x06\0\x05\0\x01a\0"
    assert line.input(b"\x90\x03\0\x05\0") == packet(b"2", 3)


def test_a_request_before_what_a_lost_link_sent_takes_its_dup_from_nobody():
    line = Line(PRESENT, window=2)
    line.publish(b"0")
    line.publish(b"1")
    line.output()
    line.connect(None)
    line.session.window = 1
    line.publish(b"2")
    assert line.input(PRESENT) == packet(b"0", 1, True)
    line.session.ask(0x82, [(b"a", 0)], 0, "sub")
    assert line.input(puback(1)) == b"\x82\x06\0\x04\0\x01a\0"
    assert line.input(b"\x90\x03\0\x04\0") == packet(b"1", 2, True)
    assert line.input(puback(2)) == packet(b"2", 3)


def test_publishes_may_follow_connect_at_once():
    line = Line(PRESENT)
    line.session.close()
    line.session.early = True
    line.publish(b"1", ticket="1")
    line.session.open(0)
    out = line.output()
    assert out[0] == 0x10 and out.endswith(packet(b"1", 1))
    assert line.input(PRESENT + puback(1)) == b"" and line.done[-1] == ("1", None)


def test_publishes_that_followed_connect_count_in_the_window():
    line = Line(PRESENT, window=2)
    line.session.close()
    line.session.early = True
    for i in range(4):
        line.publish(b"%d" % i)
    line.session.open(0)
    assert line.output().endswith(packet(b"0", 1) + packet(b"1", 2))
    assert line.input(PRESENT) == b""
    assert line.input(puback(1)) == packet(b"2", 3)


def test_1_identifiers_wrap_and_skip_those_in_use():
    line = Line(window=2)
    waiting = line.publish()
    line.output()
    highest = 0
    line.session._last_id = 65_500
    for _ in range(200):
        new = line.publish()
        assert 1 <= new <= 65_535 and new != waiting
        highest = max(new, highest)
        line.output()
        line.input(puback(new))
        assert line.done.pop()
    assert highest in (65_535, 65_534) and len(line.session.flight) == 1


def test_1_every_identifier_is_used_with_one_in_flight():
    line = Line(window=1)
    line.session._last_id = 65_533
    ids = []
    for _ in range(4):
        ids.append(line.publish())
        line.output()
        line.input(puback(ids[-1]))
    assert ids == [65_534, 65_535, 1, 2]


def test_each_window_size_finds_a_free_identifier():
    for window in (1, 2, 3, 7, 8, 16):
        line = Line(window=window)
        line.session._last_id = 65_530
        for _ in range(40):
            ids = [line.publish() for _ in range(window)]
            assert len(set(ids)) == window and 0 not in ids and max(ids) <= 65_535
            line.output()
            for packet_id in ids:
                line.input(puback(packet_id))
            line.done.clear()
        assert not line.session.flight


def test_4_late_doubled_and_unknown_acknowledgements_do_no_harm():
    line = Line()
    line.publish(ticket="a")
    line.output()
    line.input(puback(9) + puback(0x0030))
    assert not line.done and len(line.session.flight) == 1
    line.input(puback(1) + puback(1) + puback(0x0030) + puback(0) + puback(9))
    assert line.done == [("a", None)]
    line.publish(ticket="b")
    line.input(puback(2))
    assert line.done == [("a", None), ("b", None)]


def test_acknowledgements_out_of_order():
    line = Line()
    for i in range(1, 6):
        line.publish(ticket=i)
    line.output()
    for i in (3, 1, 5, 2, 4):
        line.input(puback(i))
    assert [ticket for ticket, _ in line.done] == [3, 1, 5, 2, 4]


def test_3_a_publish_inside_the_handler():
    line = Line()

    def publishing(topic, payload, first):
        line.publish(b"answer", ticket="answer")
        line.publish(b"plain", qos=0)

    line.session.on_message = publishing
    out = line.input(packet(b"question", 7))
    assert packet(b"answer", 1) in out and puback(7) in out and b"plain" in out
    line.input(puback(1))
    assert line.done == [("answer", None)]


def test_3_the_handler_may_begin_a_large_publish():
    line = Line(buffer=64)
    big = bytes(range(200))
    line.session.on_message = lambda topic, payload, first: line.publish(big)
    out = line.input(packet(b"q", 7) + puback(9) + b"\xd0\0")
    assert out == puback(7) + b"\x32\xcd\x01\0\x01t\0\1" + big


def test_a_payload_larger_than_the_buffer_goes_out_in_pieces():
    line = Line(buffer=64)
    big = bytes(i & 255 for i in range(1000))
    assert line.publish(big, ticket="big")
    assert not line.publish(qos=0)  # nothing may come in between
    assert line.publish(b"next", ticket="next")
    out = line.output()
    assert out == b"\x32\xed\x07\0\x01t\0\x01" + big + packet(b"next", 2)
    line.input(puback(1) + puback(2))
    assert [ticket for ticket, _ in line.done] == ["big", "next"]


def test_10_short_writes_lose_nothing():
    line = Line(buffer=64)
    big = bytes(i & 255 for i in range(300))
    line.publish(big)
    line.publish(b"next")
    out = b""
    while line.session.tx_len:
        out += bytes(line.session.tx[:1])
        line.session.sent(1, line.now)
    assert out == b"\x32\xb1\x02\0\x01t\0\x01" + big + packet(b"next", 2)


def test_a_topic_longer_than_the_buffer_is_an_error():
    line = Line(buffer=64)
    raises(ValueError, line.session.publish, b"t" * 60, b"", 0, False, 0)


def test_a_publish_given_up_frees_its_place():
    line = Line(window=1)
    line.publish(ticket="a")
    line.output()
    line.publish(b"b", ticket="b")
    line.session.forget("a")
    assert line.input(puback(1)) == packet(b"b", 2) and not line.done


def test_a_publish_given_up_before_it_went_out():
    line = Line(PRESENT)
    line.session.close()
    line.publish(b"1", ticket="a")
    line.publish(b"2", ticket="b")
    line.session.forget("a")
    line.session.open(0)
    line.output()
    assert line.input(PRESENT) == packet(b"2", 2)


def test_a_publish_without_room_given_up():
    line = Line(buffer=64)
    line.publish(b"0123456789" * 4, ticket="a")
    line.publish(b"0123456789" * 4, ticket="b")
    line.session.forget("b")
    line.session.forget("unknown")
    assert line.output() == packet(b"0123456789" * 4, 1) and len(line.session.flight) == 1
    assert line.publish(b"c") and line.output() == packet(b"c", 3)


# Resuming


def test_2_and_5_a_resumed_session_sends_all_again_same_id_dup_in_order():
    line = Line(PRESENT)
    for i in range(1, 5):
        line.publish(b"%d" % i)
    line.output()
    line.input(puback(2))
    line.session.close()
    line.connect(None)
    assert line.publish(b"new")  # taken meanwhile, goes after the old ones
    assert line.input(PRESENT) == b"".join(
        [packet(b"1", 1, True), packet(b"3", 3, True), packet(b"4", 4, True), packet(b"new", 5)]
    )
    line.input(puback(4) + puback(1) + puback(3) + puback(5))
    assert not line.session.flight


def test_a_lost_session_gets_the_window_anew_in_order():
    line = Line(PRESENT)
    line.publish(b"1")
    line.publish(b"2")
    line.output()
    line.session.close()
    line.connect(None)
    assert line.input(ACCEPTED) == packet(b"1", 1) + packet(b"2", 2)


def test_the_order_holds_when_identifiers_wrapped():
    line = Line(PRESENT)
    line.session._last_id = 65_533
    ids = [line.publish(b"%d" % i) for i in range(5)]
    assert ids[0] == 65_534 and ids[-1] < 10
    line.output()
    line.session.close()
    line.connect(None)
    out = line.input(PRESENT)
    assert out == b"".join(packet(b"%d" % i, ids[i], True) for i in range(5))


def test_nothing_new_overtakes_a_resend_that_has_no_room():
    line = Line(PRESENT, buffer=64, window=8)
    line.session.close()
    for i in range(8):
        line.publish(b"0123456789%d" % i)
    line.session.open(0)
    line.output()
    space = line.session.space()
    space[:4] = PRESENT
    line.session.received(4, 0)
    assert line.session.receive(0)
    assert not line.publish(b"plain", qos=0)
    out = line.output()
    places = [out.index(b"0123456789%d" % i) for i in range(8)]
    assert places == sorted(places)
    assert line.publish(b"plain", qos=0)


def test_the_next_publish_in_a_used_place_has_no_dup():
    line = Line(window=1)
    for packet_id in (1, 2, 3):
        line.publish()
        assert line.output() == packet(b"x", packet_id)
        line.input(puback(packet_id))


def test_dup_only_when_it_went_out_before():
    line = Line(answer=None, clean=False)
    line.publish(b"1")
    assert line.input(PRESENT) == packet(b"1", 1)


def test_qos_0_does_not_overtake_what_waits_for_room():
    line = Line(buffer=64)
    line.publish(b"0123456789" * 4)
    line.publish(b"0123456789" * 4)
    assert not line.publish(b"", qos=0)
    assert line.output().count(b"0123456789" * 4) == 2
    assert line.publish(b"", qos=0)


# What is overdue


def test_2_an_unacknowledged_publish_is_repeated_once_then_the_link_is_given_up():
    line = Line()
    line.publish(b"x")
    line.output()
    assert line.wait(9_999) == b""
    assert line.wait(1) == packet(b"x", 1, True)
    assert line.wait(9_999) == b""
    line.now += 1
    assert "acknowledgement" in str(raises(Overdue, line.session.tick, line.now))


def test_the_repeat_acknowledged_keeps_the_link():
    line = Line()
    line.publish(b"x", ticket="a")
    line.output()
    assert line.wait(10_001) == packet(b"x", 1, True)
    line.input(puback(1) + puback(1))
    line.wait(30_000)
    assert line.done == [("a", None)]


def test_a_short_keep_alive_makes_the_server_answer_sooner():
    assert Session("id", keep_alive=10).response_ms == 2_000
    assert Session("id", keep_alive=0).response_ms == 10_000


def test_9_pings_by_itself_when_idle():
    line = Line(keep_alive=60)
    sent = []
    for _ in range(300):
        out = line.wait(1000)
        if out:
            assert out == b"\xc0\0"
            sent.append(line.now)
            line.input(b"\xd0\0")
    gaps = [b - a for a, b in zip([0] + sent, sent)]
    assert len(sent) >= 5 and max(gaps) <= 60_000


def test_9_pings_when_only_receiving_and_when_only_sending():
    for sending in (True, False):
        line = Line(keep_alive=60)
        pings = 0
        for _ in range(120):
            pings += line.wait(1000).count(b"\xc0\0")
            if pings:
                line.input(b"\xd0\0")
            if sending:
                line.publish(qos=0)
                line.output()
            else:
                line.input(b"\x30\x04\0\x01tx")
        assert pings >= 1


def test_a_short_keep_alive_is_looked_after_while_something_else_is_awaited():
    session = Session("id", keep_alive=1)
    session.on_done = lambda ticket, outcome: None
    session.open(0)
    assert session.tick(0) <= 750
    session.sent(session.tx_len, 0)
    session.space()[:4] = b"\x20\x02\0\0"
    session.received(4, 0)
    session.receive(0)
    assert session.tick(750) <= 750
    assert bytes(session.tx[: session.tx_len]) == b"\xc0\0"
    session.sent(2, 750)
    assert session.tick(751) <= 750


def test_no_ping_into_a_full_output():
    line = Line(buffer=64, keep_alive=60)
    line.now += 44_000
    while line.publish(b"", qos=0):
        pass
    line.session.response_ms = 60_000
    line.now += 46_000
    full = line.session.tx_len
    line.session.tick(line.now)
    assert line.session.tx_len == full and b"\xc0" not in line.output()


def test_no_ping_without_keep_alive():
    line = Line(keep_alive=0)
    assert line.wait(10_000_000) == b""


def test_8_a_missing_pingresp_ends_the_link():
    line = Line(keep_alive=60)
    assert line.wait(45_001) == b"\xc0\0"
    line.wait(9_990)
    line.input(b"\x30\x04\0\x01tx")  # other input is no answer
    line.now += 10
    assert "PINGRESP" in str(raises(Overdue, line.session.tick, line.now))


def test_output_that_the_socket_does_not_take_ends_the_link():
    line = Line(keep_alive=0)
    line.publish(qos=0)
    assert line.session.tick(0) == 10_000
    line.session.sent(1, 5_000)  # some went out: it lives
    assert line.session.tick(10_000) == 5_000
    assert "output" in str(raises(Overdue, line.session.tick, 15_000))


def test_nothing_is_due_when_closed():
    line = Line()
    line.publish()
    line.session.close()
    line.wait(100_000)
