#!/usr/bin/env perl
# SPDX-License-Identifier: BSL-1.0
#
# A name server, and ports that are open and never answer. Each argument is one of:
#   at=ADDRESS             an IPv4 address at which questions are answered, at UDP port 53
#   udp=ADDRESS:PORT       a port that takes packets and answers nothing
#   tcp=ADDRESS:PORT       a port at which connections are made and nothing is ever read or written
#   NAME=ADDRESS,...       the addresses of a name, of both families; they are answered in this order
#   NAME=never             questions about this name are not answered
# Other names do not exist. Each question is told by a line on standard output: asked NAME TYPE.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use Socket qw(AF_INET AF_INET6 inet_pton);

use constant {TYPE_A => 1, TYPE_AAAA => 28, CLASS_IN => 1, NO_SUCH_NAME => 3};

my (%names, @silent);
my $asked = IO::Select->new();

sub open_port {
    my ($protocol, $where) = @_;
    my @listening = $protocol eq 'tcp' ? (Listen => 16, ReuseAddr => 1) : ();
    return IO::Socket::INET->new(Proto => $protocol, LocalAddr => $where, @listening) || die "$where: $!\n";
}

for my $argument (@ARGV) {
    my ($what, $value) = split /=/, $argument, 2;
    if ($what eq 'at') {
        $asked->add(open_port('udp', "$value:53"));
    } elsif ($what eq 'udp' || $what eq 'tcp') {
        push @silent, open_port($what, $value);
    } else {
        $names{$what} = [split /,/, $value];
    }
}

# The data of the records of a type.
sub records {
    my ($type, @addresses) = @_;
    my $family = {TYPE_A, AF_INET, TYPE_AAAA, AF_INET6}->{$type} or return ();
    return grep { defined } map { inet_pton($family, $_) } @addresses;
}

# The answer to a question (RFC 1035 section 4); nothing, if it gets none.
sub answer {
    my ($packet) = @_;
    my ($id, $flags, $questions) = unpack('n3', $packet);
    return if length($packet) < 17 || $questions != 1;
    my ($at, @labels) = (12);
    while (my $size = unpack('C', substr($packet, $at, 1))) {
        push @labels, substr($packet, $at + 1, $size);
        $at += 1 + $size;
        return if $at + 5 > length $packet;
    }
    my $name = lc join '.', @labels;
    my $type = unpack('n', substr($packet, $at + 1, 2));
    my $question = substr($packet, 12, $at + 5 - 12);
    print 'asked ', $name, ' ', {TYPE_A, 'A', TYPE_AAAA, 'AAAA'}->{$type} // $type, "\n";

    my $addresses = $names{$name};
    return if $addresses && "@$addresses" eq 'never';
    my @found = $addresses ? records($type, @$addresses) : ();
    # An answer with authority, to a question that wanted recursion, which there is.
    my $head = pack('n6', $id, 0x8580 | ($addresses ? 0 : NO_SUCH_NAME), 1, scalar @found, 0, 0);
    # Each record is about the name in the question, and must not be kept.
    return join '', $head, $question, map { pack('n3 N n/a*', 0xC00C, $type, CLASS_IN, 0, $_) } @found;
}

$| = 1;
print "ready\n";
while (1) {
    for my $socket ($asked->can_read()) {
        my $from = $socket->recv(my $packet, 4096) or next;
        my $answer = answer($packet);
        $socket->send($answer, 0, $from) if defined $answer;
    }
}
