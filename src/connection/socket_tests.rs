use std::future::poll_fn;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::*;
use crate::protocol::frame;

/// Socket and its peer.
async fn pair(max_message: usize) -> (Socket, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let (peer, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
    let (io, _) = accepted.expect("the peer connects");
    (Socket::new(ClientIo::Left(io).into(), &[], max_message), peer.expect("the listener accepts"))
}

/// Frame of a client, masked with zeros.
fn client_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    if let Ok(length @ 0..=125) = u8::try_from(payload.len()) {
        bytes.push(0x80 + length);
    } else {
        bytes.push(0xFE);
        bytes.extend(u16::try_from(payload.len()).expect("tests stay short").to_be_bytes());
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

async fn receive(socket: &mut Socket) -> Result<Received, Broken> {
    poll_fn(|cx| socket.poll_receive(cx)).await
}

#[tokio::test]
async fn messages_are_assembled_from_any_chunks() {
    let (mut socket, mut peer) = pair(1_000).await;
    let mut bytes = client_frame(0x81, b"whole");
    bytes.extend(client_frame(0x01, b"in "));
    bytes.extend(client_frame(0x89, b"ping between"));
    bytes.extend(client_frame(0x80, b"pieces"));
    let writing = async {
        for byte in bytes {
            peer.write_all(&[byte]).await.expect("the socket reads");
        }
    };
    let reading = async {
        assert_eq!(receive(&mut socket).await, Ok(Received::Text(Bytes::from_static(b"whole"))));
        assert_eq!(
            receive(&mut socket).await,
            Ok(Received::Ping(Bytes::from_static(b"ping between")))
        );
        assert_eq!(
            receive(&mut socket).await,
            Ok(Received::Text(Bytes::from_static(b"in pieces")))
        );
    };
    tokio::join!(writing, reading);
    drop(peer);
    assert_eq!(receive(&mut socket).await, Err(Broken::Gone));
}

#[tokio::test]
async fn oversized_frame_is_refused_by_its_header() {
    let (mut socket, mut peer) = pair(1_000).await;
    let mut header = vec![0x81, 0x80 | 127];
    header.extend((1_u64 << 30).to_be_bytes());
    peer.write_all(&header).await.expect("the socket reads");
    assert_eq!(receive(&mut socket).await, Err(Broken::TooBig));
}

#[tokio::test]
async fn total_size_of_fragments_is_bounded() {
    let (mut socket, mut peer) = pair(100).await;
    let mut bytes = client_frame(0x01, &[b'x'; 60]);
    bytes.extend(client_frame(0x00, &[b'x'; 60]));
    peer.write_all(&bytes).await.expect("the socket reads");
    assert_eq!(receive(&mut socket).await, Err(Broken::TooBig));
}

#[tokio::test]
async fn protocol_violations_are_detected() {
    for bytes in [
        vec![0x81, 0x01, b'x'],              // not masked
        client_frame(0x80, b"no beginning"), // a continuation of nothing
        client_frame(0xC1, b"x"),            // a reserved bit
        client_frame(0x89, &[b'x'; 126]),    // a long control frame
    ] {
        let (mut socket, mut peer) = pair(1_000).await;
        peer.write_all(&bytes).await.expect("the socket reads");
        assert_eq!(receive(&mut socket).await, Err(Broken::Protocol), "{bytes:?}");
    }
}

#[tokio::test]
async fn frames_are_written_in_order_and_the_queue_can_be_dropped() {
    let (mut socket, mut peer) = pair(1_000).await;
    for n in 0..200 {
        socket.enqueue(frame::text(format!("{n:03}").as_bytes()));
    }
    let mut read = vec![0; 200 * 5];
    let flushed = poll_fn(|cx| socket.poll_flush(cx));
    let (flushed, all) = tokio::join!(flushed, peer.read_exact(&mut read));
    assert!(flushed.is_ok() && all.is_ok());
    let numbers: Vec<&[u8]> = read.chunks(5).map(|frame| &frame[2..]).collect();
    assert!(numbers.is_sorted() && numbers.len() == 200);
    socket.enqueue(frame::text(b"never"));
    socket.drop_waiting();
    assert_eq!(socket.waiting(), 0);
}
