"""Other SIP stacks for Python as answerers, each through its own public classes.

Run in the peers' environment (requirements/bench.txt) as `python -m benchmarks.sip_peers NAME`;
prints the port it listens on and answers 100, 180 and 200, then 200 to the BYE, until its standard
input ends.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import Any


def main() -> None:
    {"sipua": _sipua, "aiosipua": _aiosipua, "sippy": _sippy}[sys.argv[1]]()


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _until_told(port: int) -> None:
    print(port, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


def _sipua() -> None:
    import sipua.application
    import sipua.dialog
    import sipua.transport
    import sipua.utils
    import uvloop

    class Call(sipua.dialog.Dialog):
        async def handle_request(self, request: Any) -> None:
            if request.method == "BYE":
                await self.send_response(self.create_response(request, 200))
                self._dialog_layer._dialog_terminated(self)

    class Answerer(sipua.application.Application):
        async def handle_request(self, request: Any) -> None:
            if request.method == "ACK":
                return
            trying = sipua.utils.create_response(request=request, code=100)
            await self.transaction_layer.send_response(trying)
            call = Call.create_uas(dialog_layer=self.dialog_layer, request=request)
            for code in (180, 200):
                await call.send_response(call.create_response(request, code))

    async def run() -> None:
        port = _free_port()
        answerer = Answerer()
        address = sipua.transport.TransportAddress("udp", "127.0.0.1", port)
        await answerer.listen(address)
        await _until_told(port)

    uvloop.run(run())


def _aiosipua() -> None:
    from aiosipua.transport import UdpSipTransport
    from aiosipua.uas import SipUAS

    def answer(call: Any) -> None:
        call.ringing()
        call.accept()

    async def run() -> None:
        port = _free_port()
        uas = SipUAS(UdpSipTransport(local_addr=("127.0.0.1", port)))
        uas.on_invite = answer
        await uas.start()
        await _until_told(port)

    asyncio.run(run())  # It receives nothing under uvloop.


def _sippy() -> None:
    import threading

    from sippy.CCEvents import CCEventConnect, CCEventRing, CCEventTry
    from sippy.Core.EventDispatcher import ED2
    from sippy.SipConf import SipConf
    from sippy.SipTransactionManager import SipTransactionManager
    from sippy.UA import UA

    class NoLog:
        def write(self, *_: Any, **__: Any) -> None:
            pass

    def said(event: Any, ua: Any) -> None:
        if isinstance(event, CCEventTry):
            ua.recvEvent(CCEventRing((180, "Ringing", None), rtime=event.rtime, origin="caller"))
            ua.recvEvent(CCEventConnect((200, "OK", None), rtime=event.rtime, origin="caller"))

    config: dict[str, Any] = {
        "_sip_address": "127.0.0.1",
        "_sip_port": _free_port(),
        "_sip_logger": NoLog(),
    }

    def asked(request: Any, transaction: Any) -> Any:
        if request.getHFBody("to").getTag() is not None:
            return (request.genResponse(481, "Call Does Not Exist"), None, None)
        if request.getMethod() == "INVITE":
            return UA(config, event_cb=said).recvRequest(request, transaction)
        return (request.genResponse(501, "Not Implemented"), None, None)

    SipConf.my_uaname = "sippy"
    config["_sip_tm"] = SipTransactionManager(config, asked)

    def told() -> None:
        sys.stdin.read()
        ED2.callFromThread(ED2.breakLoop)

    threading.Thread(target=told, daemon=True).start()
    print(config["_sip_port"], flush=True)
    ED2.loop()


if __name__ == "__main__":
    main()
