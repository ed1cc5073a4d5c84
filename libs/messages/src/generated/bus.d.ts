// Generated from proto/muster/v1/bus.proto by libs/messages/scripts/generate.mjs. Do not edit.
import * as $protobuf from "protobufjs/minimal.js";
import Long = require("long");

/** Namespace muster. */
export namespace muster {

    /** Namespace v1. */
    namespace v1 {

        /**
         * Properties of a ReportFrame.
         * @deprecated Use muster.v1.ReportFrame.$Properties instead.
         */
        interface IReportFrame extends muster.v1.ReportFrame.$Properties {
        }

        /** Represents a ReportFrame. */
        class ReportFrame {

            /**
             * Constructs a new ReportFrame.
             * @param [properties] Properties to set
             */
            constructor(properties?: muster.v1.ReportFrame.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ReportFrame gateway. */
            gateway: string;

            /** ReportFrame reports. */
            reports: muster.v1.Report.$Properties[];

            /**
             * Encodes the specified ReportFrame message. Does not implicitly {@link muster.v1.ReportFrame.verify|verify} messages.
             * @param message ReportFrame message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: muster.v1.ReportFrame.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a ReportFrame message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {muster.v1.ReportFrame & muster.v1.ReportFrame.$Shape} ReportFrame
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.v1.ReportFrame & muster.v1.ReportFrame.$Shape;
        }

        namespace ReportFrame {

            /** Properties of a ReportFrame. */
            interface $Properties {

                /** ReportFrame gateway */
                gateway?: (string|null);

                /** ReportFrame reports */
                reports?: (muster.v1.Report.$Properties[]|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a ReportFrame. */
            type $Shape = muster.v1.ReportFrame.$Properties;
        }

        /** Transport enum. */
        enum Transport {

            /** WEBSOCKET value */
            WEBSOCKET = 0,

            /** HTTP value */
            HTTP = 1
        }

        /**
         * Properties of a Report.
         * @deprecated Use muster.v1.Report.$Properties instead.
         */
        interface IReport extends muster.v1.Report.$Properties {
        }

        /** Represents a Report. */
        class Report {

            /**
             * Constructs a new Report.
             * @param [properties] Properties to set
             */
            constructor(properties?: muster.v1.Report.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Report instanceUid. */
            instanceUid: Uint8Array;

            /** Report epoch. */
            epoch: (number|Long);

            /** Report sequenceNum. */
            sequenceNum: (number|Long);

            /** Report receivedAt. */
            receivedAt: (number|Long);

            /** Report agentToServer. */
            agentToServer: Uint8Array;

            /** Report connected. */
            connected: boolean;

            /** Report disconnected. */
            disconnected: boolean;

            /** Report transport. */
            transport: muster.v1.Transport;

            /** Report remoteAddress. */
            remoteAddress: string;

            /** Report enrollmentTokenId. */
            enrollmentTokenId: string;

            /** Report offeredConfigHash. */
            offeredConfigHash: Uint8Array;

            /** Report offerError. */
            offerError: string;

            /** Report formerInstanceUid. */
            formerInstanceUid: Uint8Array;

            /** Report componentsContent. */
            componentsContent: Uint8Array;

            /** Report certificateIdentity. */
            certificateIdentity: Uint8Array;

            /**
             * Encodes the specified Report message. Does not implicitly {@link muster.v1.Report.verify|verify} messages.
             * @param message Report message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: muster.v1.Report.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Report message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {muster.v1.Report & muster.v1.Report.$Shape} Report
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.v1.Report & muster.v1.Report.$Shape;
        }

        namespace Report {

            /** Properties of a Report. */
            interface $Properties {

                /** Report instanceUid */
                instanceUid?: (Uint8Array|null);

                /** Report epoch */
                epoch?: (number|Long|null);

                /** Report sequenceNum */
                sequenceNum?: (number|Long|null);

                /** Report receivedAt */
                receivedAt?: (number|Long|null);

                /** Report agentToServer */
                agentToServer?: (Uint8Array|null);

                /** Report connected */
                connected?: (boolean|null);

                /** Report disconnected */
                disconnected?: (boolean|null);

                /** Report transport */
                transport?: (muster.v1.Transport|null);

                /** Report remoteAddress */
                remoteAddress?: (string|null);

                /** Report enrollmentTokenId */
                enrollmentTokenId?: (string|null);

                /** Report offeredConfigHash */
                offeredConfigHash?: (Uint8Array|null);

                /** Report offerError */
                offerError?: (string|null);

                /** Report formerInstanceUid */
                formerInstanceUid?: (Uint8Array|null);

                /** Report componentsContent */
                componentsContent?: (Uint8Array|null);

                /** Report certificateIdentity */
                certificateIdentity?: (Uint8Array|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Report. */
            type $Shape = muster.v1.Report.$Properties;
        }

        /**
         * Properties of a Delivery.
         * @deprecated Use muster.v1.Delivery.$Properties instead.
         */
        interface IDelivery extends muster.v1.Delivery.$Properties {
        }

        /** Represents a Delivery. */
        class Delivery {

            /**
             * Constructs a new Delivery.
             * @param [properties] Properties to set
             */
            constructor(properties?: muster.v1.Delivery.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Delivery desiredConfig. */
            desiredConfig?: (muster.v1.DesiredConfig.$Properties|null);

            /** Delivery restart. */
            restart?: (muster.v1.Restart.$Properties|null);

            /** Delivery disconnect. */
            disconnect?: (muster.v1.Disconnect.$Properties|null);

            /** Delivery yield. */
            yield?: (muster.v1.Yield.$Properties|null);

            /** Delivery order. */
            order?: ("desiredConfig"|"restart"|"disconnect"|"yield");

            /**
             * Encodes the specified Delivery message. Does not implicitly {@link muster.v1.Delivery.verify|verify} messages.
             * @param message Delivery message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: muster.v1.Delivery.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Delivery message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {muster.v1.Delivery & muster.v1.Delivery.$Shape} Delivery
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.v1.Delivery & muster.v1.Delivery.$Shape;
        }

        namespace Delivery {

            /** Properties of a Delivery. */
            interface $Properties {

                /** Delivery desiredConfig */
                desiredConfig?: (muster.v1.DesiredConfig.$Properties|null);

                /** Delivery restart */
                restart?: (muster.v1.Restart.$Properties|null);

                /** Delivery disconnect */
                disconnect?: (muster.v1.Disconnect.$Properties|null);

                /** Delivery yield */
                "yield"?: (muster.v1.Yield.$Properties|null);

                /** Delivery order */
                order?: ("desiredConfig"|"restart"|"disconnect"|"yield");

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Narrowed shape of a Delivery. */
            type $Shape = {
              desiredConfig?: muster.v1.DesiredConfig.$Shape|null;
              restart?: muster.v1.Restart.$Shape|null;
              disconnect?: muster.v1.Disconnect.$Shape|null;
              "yield"?: muster.v1.Yield.$Shape|null;
              $unknowns?: Uint8Array[];
            } & (
              ({ order?: undefined; desiredConfig?: null; restart?: null; disconnect?: null; "yield"?: null }|{ order?: "desiredConfig"; desiredConfig: muster.v1.DesiredConfig.$Shape; restart?: null; disconnect?: null; "yield"?: null }|{ order?: "restart"; desiredConfig?: null; restart: muster.v1.Restart.$Shape; disconnect?: null; "yield"?: null }|{ order?: "disconnect"; desiredConfig?: null; restart?: null; disconnect: muster.v1.Disconnect.$Shape; "yield"?: null }|{ order?: "yield"; desiredConfig?: null; restart?: null; disconnect?: null; "yield": muster.v1.Yield.$Shape })
            );
        }

        /**
         * Properties of a DesiredConfig.
         * @deprecated Use muster.v1.DesiredConfig.$Properties instead.
         */
        interface IDesiredConfig extends muster.v1.DesiredConfig.$Properties {
        }

        /** Represents a DesiredConfig. */
        class DesiredConfig {

            /**
             * Constructs a new DesiredConfig.
             * @param [properties] Properties to set
             */
            constructor(properties?: muster.v1.DesiredConfig.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** DesiredConfig configHash. */
            configHash: Uint8Array;

            /** DesiredConfig remoteConfig. */
            remoteConfig: Uint8Array;

            /** DesiredConfig instanceUids. */
            instanceUids: Uint8Array;

            /** DesiredConfig retry. */
            retry: boolean;

            /**
             * Encodes the specified DesiredConfig message. Does not implicitly {@link muster.v1.DesiredConfig.verify|verify} messages.
             * @param message DesiredConfig message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: muster.v1.DesiredConfig.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a DesiredConfig message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {muster.v1.DesiredConfig & muster.v1.DesiredConfig.$Shape} DesiredConfig
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.v1.DesiredConfig & muster.v1.DesiredConfig.$Shape;
        }

        namespace DesiredConfig {

            /** Properties of a DesiredConfig. */
            interface $Properties {

                /** DesiredConfig configHash */
                configHash?: (Uint8Array|null);

                /** DesiredConfig remoteConfig */
                remoteConfig?: (Uint8Array|null);

                /** DesiredConfig instanceUids */
                instanceUids?: (Uint8Array|null);

                /** DesiredConfig retry */
                retry?: (boolean|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a DesiredConfig. */
            type $Shape = muster.v1.DesiredConfig.$Properties;
        }

        /**
         * Properties of a Restart.
         * @deprecated Use muster.v1.Restart.$Properties instead.
         */
        interface IRestart extends muster.v1.Restart.$Properties {
        }

        /** Represents a Restart. */
        class Restart {

            /**
             * Constructs a new Restart.
             * @param [properties] Properties to set
             */
            constructor(properties?: muster.v1.Restart.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Restart instanceUids. */
            instanceUids: Uint8Array;

            /**
             * Encodes the specified Restart message. Does not implicitly {@link muster.v1.Restart.verify|verify} messages.
             * @param message Restart message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: muster.v1.Restart.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Restart message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {muster.v1.Restart & muster.v1.Restart.$Shape} Restart
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.v1.Restart & muster.v1.Restart.$Shape;
        }

        namespace Restart {

            /** Properties of a Restart. */
            interface $Properties {

                /** Restart instanceUids */
                instanceUids?: (Uint8Array|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Restart. */
            type $Shape = muster.v1.Restart.$Properties;
        }

        /**
         * Properties of a Disconnect.
         * @deprecated Use muster.v1.Disconnect.$Properties instead.
         */
        interface IDisconnect extends muster.v1.Disconnect.$Properties {
        }

        /** Represents a Disconnect. */
        class Disconnect {

            /**
             * Constructs a new Disconnect.
             * @param [properties] Properties to set
             */
            constructor(properties?: muster.v1.Disconnect.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Disconnect instanceUids. */
            instanceUids: Uint8Array;

            /** Disconnect reason. */
            reason: string;

            /**
             * Encodes the specified Disconnect message. Does not implicitly {@link muster.v1.Disconnect.verify|verify} messages.
             * @param message Disconnect message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: muster.v1.Disconnect.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Disconnect message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {muster.v1.Disconnect & muster.v1.Disconnect.$Shape} Disconnect
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.v1.Disconnect & muster.v1.Disconnect.$Shape;
        }

        namespace Disconnect {

            /** Properties of a Disconnect. */
            interface $Properties {

                /** Disconnect instanceUids */
                instanceUids?: (Uint8Array|null);

                /** Disconnect reason */
                reason?: (string|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Disconnect. */
            type $Shape = muster.v1.Disconnect.$Properties;
        }

        /**
         * Properties of a Yield.
         * @deprecated Use muster.v1.Yield.$Properties instead.
         */
        interface IYield extends muster.v1.Yield.$Properties {
        }

        /** Represents a Yield. */
        class Yield {

            /**
             * Constructs a new Yield.
             * @param [properties] Properties to set
             */
            constructor(properties?: muster.v1.Yield.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Yield instanceUid. */
            instanceUid: Uint8Array;

            /** Yield sequenceNum. */
            sequenceNum: (number|Long);

            /** Yield enrollmentTokenId. */
            enrollmentTokenId: string;

            /** Yield transport. */
            transport: muster.v1.Transport;

            /** Yield resumes. */
            resumes: boolean;

            /** Yield remoteAddress. */
            remoteAddress: string;

            /** Yield certificateIdentity. */
            certificateIdentity: Uint8Array;

            /**
             * Encodes the specified Yield message. Does not implicitly {@link muster.v1.Yield.verify|verify} messages.
             * @param message Yield message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: muster.v1.Yield.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Yield message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {muster.v1.Yield & muster.v1.Yield.$Shape} Yield
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.v1.Yield & muster.v1.Yield.$Shape;
        }

        namespace Yield {

            /** Properties of a Yield. */
            interface $Properties {

                /** Yield instanceUid */
                instanceUid?: (Uint8Array|null);

                /** Yield sequenceNum */
                sequenceNum?: (number|Long|null);

                /** Yield enrollmentTokenId */
                enrollmentTokenId?: (string|null);

                /** Yield transport */
                transport?: (muster.v1.Transport|null);

                /** Yield resumes */
                resumes?: (boolean|null);

                /** Yield remoteAddress */
                remoteAddress?: (string|null);

                /** Yield certificateIdentity */
                certificateIdentity?: (Uint8Array|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Yield. */
            type $Shape = muster.v1.Yield.$Properties;
        }

        /**
         * Properties of a DeliveryReceipt.
         * @deprecated Use muster.v1.DeliveryReceipt.$Properties instead.
         */
        interface IDeliveryReceipt extends muster.v1.DeliveryReceipt.$Properties {
        }

        /** Represents a DeliveryReceipt. */
        class DeliveryReceipt {

            /**
             * Constructs a new DeliveryReceipt.
             * @param [properties] Properties to set
             */
            constructor(properties?: muster.v1.DeliveryReceipt.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** DeliveryReceipt notHeld. */
            notHeld: Uint8Array;

            /** DeliveryReceipt refused. */
            refused: muster.v1.Refusal.$Properties[];

            /**
             * Encodes the specified DeliveryReceipt message. Does not implicitly {@link muster.v1.DeliveryReceipt.verify|verify} messages.
             * @param message DeliveryReceipt message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: muster.v1.DeliveryReceipt.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a DeliveryReceipt message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {muster.v1.DeliveryReceipt & muster.v1.DeliveryReceipt.$Shape} DeliveryReceipt
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.v1.DeliveryReceipt & muster.v1.DeliveryReceipt.$Shape;
        }

        namespace DeliveryReceipt {

            /** Properties of a DeliveryReceipt. */
            interface $Properties {

                /** DeliveryReceipt notHeld */
                notHeld?: (Uint8Array|null);

                /** DeliveryReceipt refused */
                refused?: (muster.v1.Refusal.$Properties[]|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a DeliveryReceipt. */
            type $Shape = muster.v1.DeliveryReceipt.$Properties;
        }

        /**
         * Properties of a Refusal.
         * @deprecated Use muster.v1.Refusal.$Properties instead.
         */
        interface IRefusal extends muster.v1.Refusal.$Properties {
        }

        /** Represents a Refusal. */
        class Refusal {

            /**
             * Constructs a new Refusal.
             * @param [properties] Properties to set
             */
            constructor(properties?: muster.v1.Refusal.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Refusal instanceUid. */
            instanceUid: Uint8Array;

            /** Refusal reason. */
            reason: string;

            /**
             * Encodes the specified Refusal message. Does not implicitly {@link muster.v1.Refusal.verify|verify} messages.
             * @param message Refusal message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: muster.v1.Refusal.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Refusal message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {muster.v1.Refusal & muster.v1.Refusal.$Shape} Refusal
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): muster.v1.Refusal & muster.v1.Refusal.$Shape;
        }

        namespace Refusal {

            /** Properties of a Refusal. */
            interface $Properties {

                /** Refusal instanceUid */
                instanceUid?: (Uint8Array|null);

                /** Refusal reason */
                reason?: (string|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Refusal. */
            type $Shape = muster.v1.Refusal.$Properties;
        }
    }
}
