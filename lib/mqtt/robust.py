"""umqtt.robust's class: the blocking client that connects again by itself."""

from time import sleep

from . import simple
from .simple import MQTTException as MQTTException


class MQTTClient(simple.MQTTClient):
    """Like simple's, but publish, wait_msg and check_msg survive a lost connection.

    A publish at QoS 1 is sent again with its identifier and DUP. The callback's calls don't
    reconnect: their OSError ends the callback, and the call around it reconnects.
    """

    # Pause between attempts, in s, for delay() to use.
    DELAY = 2
    # Whether log() prints.
    DEBUG = False

    def delay(self, i):
        """Pauses after attempt i, from 1. To be overridden for a back-off or a limit."""
        sleep(self.DELAY)

    def log(self, in_reconnect, e):
        """Tells of an error. To be overridden."""
        if self.DEBUG:
            print("mqtt reconnect: %r" % e if in_reconnect else "mqtt: %r" % e)

    def reconnect(self):
        """Connects until it succeeds, with the session kept. Raises MQTTException if refused."""
        i = 0
        while True:
            try:
                return self.connect(False)
            except OSError as e:
                self.log(True, e)
            i += 1
            self.delay(i)

    def publish(self, topic, msg, retain=False, qos=0):
        mark = self._wanted
        while True:
            try:
                if self._wanted == mark:
                    return super().publish(topic, msg, retain, qos)
                return self._await()
            except OSError as e:
                if getattr(msg, "error", None):
                    raise e  # a Source that broke
                self._again(e)

    def publish_many(self, messages, retain=False, qos=1):
        messages = iter(messages)
        while True:
            try:
                return super().publish_many(messages, retain, qos)
            except OSError as e:
                self._again(e)

    def wait_msg(self):
        while True:
            try:
                return super().wait_msg()
            except OSError as e:
                self._again(e)
            if self._op:  # it came with the answer to CONNECT
                return self._op

    def check_msg(self, attempts=2):
        while attempts:
            try:
                return super().check_msg()
            except OSError as e:
                self._again(e)
            attempts -= 1

    def _again(self, error):
        # Reconnects, unless the error is the callback's own.
        if self.sock or self._inside:
            raise error
        self.log(False, error)
        self.reconnect()
